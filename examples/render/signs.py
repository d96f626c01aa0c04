"""24 kinds of road sign, each a function that draws it with a Pen."""

import functools
import math

from .pen import GLYPHS, Pen, arc, regular, turned

# Plates shared by several signs.

def round_plate(pen, ring, inside, ring_width=.2):
    pen.disc(0, 0, 1, pen.rim)
    pen.disc(0, 0, .97, ring)
    pen.disc(0, 0, .97 - ring_width, inside)


def blue_disc(pen):
    round_plate(pen, pen.white, pen.blue, .05)


def blue_square(pen):
    corner = [(-.8, -.8), (.8, -.8), (.8, .8), (-.8, .8)]
    pen.area(corner, pen.white, .1)
    pen.area(corner, pen.blue, .04)


def triangle(pen, turn, inside):
    lift = .25 * math.sin(math.radians(turn))               # centres the plate
    outer = [(x, y - lift) for x, y in regular(3, 1, turn)]
    pen.area(outer, pen.rim, .1)
    pen.area(outer, pen.red, .07)
    centre = sum(y for _, y in outer) / 3
    pen.area([(x * .64, centre + (y - centre) * .64) for x, y in outer], inside, .05)


def warning(pen):
    triangle(pen, -90, pen.white)


def speed(pen, limit):
    round_plate(pen, pen.red, pen.white)
    pen.text(limit, .82, pen.black)


# One function per sign.

def stop(pen):
    for radius, colour in ((1.0, pen.white), (.93, pen.red)):
        pen.area(regular(8, radius, 22.5), colour)
    pen.text("STOP", .58, pen.white, width=.11, pitch=.7)


def give_way(pen):
    triangle(pen, 90, pen.white)


def no_entry(pen):
    round_plate(pen, pen.white, pen.red, .05)
    pen.area([(-.66, -.15), (.66, -.15), (.66, .15), (-.66, .15)], pen.white, .02)


def no_parking(pen):
    round_plate(pen, pen.red, pen.blue)
    pen.stroke([(-.56, -.56), (.56, .56)], .18, pen.red)


def no_stopping(pen):
    no_parking(pen)
    pen.stroke([(.56, -.56), (-.56, .56)], .18, pen.red)


def turn_left(pen):
    blue_disc(pen)
    pen.arrow([(.3, .55), (.3, -.1), (-.65, -.1)], pen.white)


def turn_right(pen):
    blue_disc(pen)
    pen.arrow([(-.3, .55), (-.3, -.1), (.65, -.1)], pen.white)


def straight_ahead(pen):
    blue_disc(pen)
    pen.arrow([(0, .62), (0, -.68)], pen.white)


def keep_right(pen):
    blue_disc(pen)
    pen.arrow([(-.45, -.45), (.52, .52)], pen.white)


def roundabout(pen):
    blue_disc(pen)
    for turn in (0, 120, 240):
        curve = arc(0, 0, .52, .52, 15, 82)
        pen.arrow(turned(curve + [(-.19, .57)], turn), pen.white, .17, .25)


def cycle_path(pen):
    blue_disc(pen)
    for x in (-.4, .4):
        pen.stroke(arc(x, .2, .26, .26, 0, 360), .08, pen.white)
    pen.stroke([(-.4, .2), (-.18, -.2), (.26, -.2), (0, .2), (-.4, .2)], .07, pen.white)
    pen.stroke([(0, .2), (-.22, -.34)], .07, pen.white)
    pen.stroke([(-.34, -.36), (-.1, -.36)], .08, pen.white)
    pen.stroke([(.4, .2), (.22, -.4), (.42, -.44)], .07, pen.white)


def priority_road(pen):
    pen.area(regular(4, .93), pen.rim, .06)
    pen.area(regular(4, .93), pen.white, .04)
    pen.area(regular(4, .62), pen.yellow, .03)


def pedestrian_crossing(pen):
    blue_square(pen)
    pen.area([(0, -.72), (.74, .64), (-.74, .64)], pen.white, .03)
    for x in (-.44, -.15, .14, .43):
        pen.area([(x - .06, .46), (x + .06, .46), (x + .08, .6), (x - .08, .6)], pen.black)
    pen.disc(.02, -.31, .1, pen.black)
    pen.stroke([(0, -.14), (-.02, .1)], .16, pen.black)
    pen.stroke([(-.02, .1), (.12, .24), (.2, .4)], .09, pen.black)
    pen.stroke([(-.04, .1), (-.12, .26), (-.24, .4)], .09, pen.black)
    pen.stroke([(0, -.14), (.16, .02), (.26, .02)], .07, pen.black)
    pen.stroke([(0, -.14), (-.16, .02), (-.22, .1)], .07, pen.black)


def parking(pen):
    blue_square(pen)
    for line in GLYPHS["P"]:
        pen.stroke([(x * .62, y * .56) for x, y in line], .2, pen.white)


def dead_end(pen):
    blue_square(pen)
    pen.stroke([(0, .6), (0, -.2)], .24, pen.white)
    pen.area([(-.46, -.5), (.46, -.5), (.46, -.24), (-.46, -.24)], pen.white, .03)
    pen.area([(-.44, -.48), (.44, -.48), (.44, -.26), (-.44, -.26)], pen.red)


def danger(pen):
    warning(pen)
    pen.area([(-.07, -.18), (.07, -.18), (.035, .2), (-.035, .2)], pen.black, .04)
    pen.disc(0, .42, .1, pen.black)


def crossroads(pen):
    warning(pen)
    for turn in (45, -45):
        pen.stroke([(x, y + .25) for x, y in turned([(-.29, 0), (.29, 0)], turn)], .15, pen.black)


def bend(pen, side):
    warning(pen)
    curve = [(.13, .48), (.13, .36), (.1, .28), (.03, .22), (-.03, .16), (-.06, .08), (-.06, -.15)]
    pen.arrow([(x * side, y) for x, y in curve], pen.black, .12, .17)


def traffic_lights(pen):
    warning(pen)
    pen.area([(-.1, -.17), (.1, -.17), (.1, .48), (-.1, .48)], pen.black, .06)
    for y, colour in ((-.11, pen.red), (.155, pen.yellow), (.42, pen.green)):
        pen.disc(0, y, .105, colour)


SIGNS = {
    "stop": stop,
    "give way": give_way,
    "no entry": no_entry,
    "speed limit 30": lambda pen: speed(pen, "30"),
    "speed limit 50": lambda pen: speed(pen, "50"),
    "speed limit 80": lambda pen: speed(pen, "80"),
    "no parking": no_parking,
    "no stopping": no_stopping,
    "turn left": turn_left,
    "turn right": turn_right,
    "straight ahead": straight_ahead,
    "keep right": keep_right,
    "roundabout": roundabout,
    "cycle path": cycle_path,
    "priority road": priority_road,
    "pedestrian crossing": pedestrian_crossing,
    "parking": parking,
    "dead end": dead_end,
    "danger": danger,
    "crossroads": crossroads,
    "bend to the left": lambda pen: bend(pen, 1),
    "bend to the right": lambda pen: bend(pen, -1),
    "traffic lights": traffic_lights,
    "no vehicles": lambda pen: round_plate(pen, pen.red, pen.white),
}
LABELS = list(SIGNS)


@functools.lru_cache(maxsize=None)
def sign_texture(label, palette):
    pen = Pen(palette)
    SIGNS[label](pen)
    return pen.finish()
