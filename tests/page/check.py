#!/usr/bin/env python3
"""The page of infer serve in a headless Chromium: check.py INFER MODEL PICTURE. See tests/check_page.sh."""
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import browser  # noqa: E402
from browser import Failed  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
MUST_HAVE_NAMES = ('combobox', 'spinbutton', 'button', 'textbox', 'image', 'img', 'region', 'table', 'status',
                   'alert', 'link')


class Server:
    def __init__(self, infer, folder, *options):
        self.process = subprocess.Popen([infer, 'serve', folder, '--port', '0', '--management-port', '0',
                                         '--threads', '2', *options], stderr=subprocess.PIPE, text=True)
        self.port = None
        for line in self.process.stderr:
            if (found := re.search(r'serving on port (\d+)', line)):
                self.port = int(found.group(1))
                break
        if not self.port:
            raise Failed('the server does not begin')
        self.url = 'http://127.0.0.1:%d/' % self.port

    def end(self):
        self.process.terminate()
        self.process.wait(60)


def expect(what, holds):
    if not holds:
        raise Failed(what)


def summary(b):
    return b.run('document.getElementById("summary").textContent')


def clear(b):
    b.run('document.getElementById("summary").textContent = "cleared"')


def wait_answer(b, text):
    b.wait('document.getElementById("summary").textContent.includes(%s)' % json.dumps(text))


def begin(b, url):
    b.open(url)
    b.run(open(os.path.join(HERE, 'page_test.js')).read() + 'globalThis.pageTest = pageTest; 1')


# ---- a picture and its answer -----------------------------------------------------------------

def chosen_picture(b, url, picture):
    begin(b, url)
    b.wait('document.getElementById("model").value === "signs/"')
    b.choose_file('#file', picture)
    wait_answer(b, 'signs: stop')
    expect('five classes are listed', b.run('document.querySelectorAll("#list li").length') == 5)
    expect('the list begins with the best', 'stop' in b.run('document.querySelector("#list li").textContent'))
    expect('the canvas shows a picture', b.run('pageTest.shades()') > 50)
    sent = [u for u in b.requests() if '/predictions/signs' in u]
    expect('one request was sent: %s' % sent, len(sent) == 1)


def dropped_picture(b, url, picture):
    clear(b)
    b.drop_file('#drop', picture)
    wait_answer(b, 'signs: stop')


def pasted_webp(b, url, picture):
    """A format that the server does not take is sent as JPEG."""
    clear(b)
    b.run("""new Promise((done) => document.getElementById("canvas").toBlob((blob) => {
      const data = new DataTransfer();
      data.items.add(new File([blob], "x.webp", { type: "image/webp" }));
      done(document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data })));
    }, "image/webp"))""")
    wait_answer(b, 'signs: stop')
    sent = [e['params']['request'] for e in b.events if e['method'] == 'Network.requestWillBeSent'
            and '/predictions/' in e['params']['request']['url']]
    expect('it is sent as JPEG: %s' % sent[-1]['headers'], sent[-1]['headers']['Content-Type'] == 'image/jpeg')


def chosen_version(b, url, picture):
    options = b.run('[...document.getElementById("model").options].map((o) => o.text)')
    expect('versions can be chosen: %s' % options, options == ['signs', 'signs, version 1', 'signs, version 2'])
    clear(b)
    b.run('(() => { const m = document.getElementById("model"); m.value = "signs/1";'
          'm.dispatchEvent(new Event("change")); })()')
    wait_answer(b, 'signs version 1: stop')
    expect('the chart follows', b.run('document.getElementById("charted").value') == 'signs/1')
    expect('it was asked for', any('/predictions/signs/1?' in u for u in b.requests()))


def camera(b, url, picture):
    b.run('document.getElementById("camera").click()')
    b.wait('document.getElementById("video").videoWidth > 0')
    clear(b)
    b.run('document.getElementById("shoot").click()')
    wait_answer(b, 'ms with')
    b.run('document.getElementById("live").click()')
    before = len([u for u in b.requests() if '/predictions/' in u])
    b.wait('document.getElementById("summary").getAttribute("aria-live") === "off"')
    for _ in range(100):
        b.wait('true')
        b._receive(0.1)
        if len([u for u in b.requests() if '/predictions/' in u]) >= before + 3:
            break
    else:
        raise Failed('one picture after another is sent')
    b.run('document.getElementById("stop").click()')
    expect('the camera is off', b.run('document.getElementById("video").srcObject === null'))


# ---- drawing: answers that are known ----------------------------------------------------------

def answered_with(b, picture, answer, status=200):
    """Shows the page this answer instead of the server's, for one picture."""
    body = base64.b64encode(json.dumps(answer).encode()).decode()

    def fulfil(event):
        if event['method'] == 'Fetch.requestPaused':
            b.send('Fetch.fulfillRequest', requestId=event['params']['requestId'], responseCode=status,
                   responseHeaders=[{'name': 'Content-Type', 'value': 'application/json'}], body=body)
    b.on_event = fulfil
    b.call('Fetch.enable', patterns=[{'urlPattern': '*/predictions/*'}])
    clear(b)
    b.run('document.getElementById("again").click()')
    b.wait('!["cleared", "The picture is sent …"].includes(document.getElementById("summary").textContent)')
    b.call('Fetch.disable')
    b.on_event = None


def close_to(pixel, colour, by=40):
    return all(abs(a - c) <= by for a, c in zip(pixel, colour))


def size_of_picture(b):
    return b.run('(async () => { const i = await createImageBitmap(document.getElementById("file").files[0]);'
                 'return [i.width, i.height]; })()')


ORANGE, BLUE = (0xe6, 0x9f, 0x00), (0x56, 0xb4, 0xe9)


def drawn_boxes(b, url, picture):
    b.drop_file('#drop', picture)  # the last one was the camera's
    wait_answer(b, 'stop')
    w, h = size_of_picture(b)
    upright = [w * .1, h * .3, w * .4, h * .6]
    turned = [w * .5, h * .45, w * .9, h * .55]  # by a right angle: about (.7, .5), as wide as it was high
    boxes = [{'class': 'dog', 'score': 0.9, 'box': upright,
              'mask': {'size': [4, 4], 'counts': [255, 16], 'at': [round(w * .8), round(h * .85)]}},
             {'class': 'cat', 'score': 0.5, 'box': turned, 'angle': 1.5707963, 'points': [[w * .2, h * .9, 1]]}]
    answered_with(b, picture, boxes)
    expect('boxes in words: ' + summary(b), '2 found: 1 × dog, 1 × cat' in summary(b))

    def at(x, y):
        return b.run('pageTest.pixel(%r, %r, %r)' % (x * w, y * h, w))
    expect('the left edge of a box: %s' % at(.1, .5), close_to(at(.1, .5), ORANGE))
    expect('the lower edge of a box', close_to(at(.3, .6), ORANGE))
    middle, half = .7, (.1 * h / w) / 2
    expect('a turned box is where it was turned to: %s' % at(middle - half, .5), close_to(at(middle - half, .5), BLUE))
    expect('and not where it was before', not close_to(at(.5, .5), BLUE))
    expect('a point: %s' % at(.2, .9), close_to(at(.2, .9), BLUE))
    text = b.run('document.getElementById("list").textContent')
    expect('places in words: ' + text, 'turned by 90°' in text and '90.0 %' in text)


def drawn_masks(b, url, picture):
    w, h = size_of_picture(b)
    before = [b.run('pageTest.pixel(%r, %r, %r)' % (x * w, .97 * h, w)) for x in (.25, .75)]
    answered_with(b, picture, {
        'width': w, 'height': h, 'classes': [{'class': 'background', 'index': 0, 'share': .5},
                                             {'class': 'road', 'index': 3, 'share': .5}],
        'mask': {'size': [h, w], 'counts': [0, w // 2, 3, w - w // 2] * h}})
    expect('shares in words: ' + summary(b), 'road 50.0 %' in summary(b))
    left, right = (b.run('pageTest.pixel(%r, %r, %r)' % (x * w, .97 * h, w)) for x in (.25, .75))
    expect('background stays clear', close_to(left, before[0], 3))
    mixed = [(1 - 140 / 255) * p + 140 / 255 * c for p, c in zip(before[1], ORANGE)]
    expect('the class is coloured: %s, not %s' % (right, mixed), close_to(right, mixed, 12))
    answered_with(b, picture, [])
    expect('nothing: ' + summary(b), 'no class' in summary(b))


def told_errors(b, url, picture):
    answered_with(b, picture, {'code': 503, 'type': 'ServiceUnavailableException', 'message': 'the queue is full'}, 503)
    told = b.run('document.querySelector("[role=alert]").textContent')
    expect('a refusal in words: ' + told, told == 'The server has too much to do: the queue is full')
    b.events = [e for e in b.events if e['method'] != 'Log.entryAdded']  # the browser tells of the 503 itself
    b.run('document.getElementById("again").click()')
    b.wait('document.querySelector("[role=alert]").textContent === ""')


# ---- who the page is for ----------------------------------------------------------------------

def keyboard(b, url, picture):
    b.run('document.activeElement.blur(); scrollTo(0, 0)')
    begin(b, url)
    b.wait('document.getElementById("model").value === "signs/"')
    order = []
    for _ in range(12):
        b.key('Tab', 9)
        order.append(b.run('(document.activeElement.id || document.activeElement.className)'))
    expect('the order of Tab: %s' % order,
           order[:5] == ['skip', 'model', 'score', 'file', 'camera'] and 'charted' in order and 'scroll' in order)
    b.run('document.querySelector(".skip").focus()')
    b.key('Enter', 13, '\r')
    b.wait('document.activeElement.id === "result"')
    b.choose_file('#file', picture)
    wait_answer(b, 'stop')
    b.run('document.getElementById("again").focus()')
    clear(b)
    b.key('Enter', 13, '\r')
    wait_answer(b, 'stop')


def screen_reader(b, url, picture):
    seen = {}
    for node in b.call('Accessibility.getFullAXTree')['nodes']:
        role = node.get('role', {}).get('value')
        if node.get('ignored') or role not in MUST_HAVE_NAMES:
            continue
        name = node.get('name', {}).get('value', '')
        seen.setdefault(role, []).append(name)
        expect('a %s without a name' % role, name or role in ('status', 'alert'))
    expect('what is there: %s' % seen, {'combobox', 'spinbutton', 'status', 'alert', 'table'} <= set(seen))
    words = ' '.join(seen.get('image', []) + seen.get('img', []))
    expect('pictures in words: ' + words, 'stop' in words and 'Latency' in words)


def narrow_and_dark(b, url, picture):
    for scheme in ('light', 'dark'):
        b.call('Emulation.setEmulatedMedia', features=[{'name': 'prefers-color-scheme', 'value': scheme}])
        poor = b.run('pageTest.poorContrast()')
        expect('contrast, %s: %s' % (scheme, poor), poor == [])
    b.call('Emulation.setDeviceMetricsOverride', width=360, height=740, deviceScaleFactor=2, mobile=True)
    wide = b.run('document.scrollingElement.scrollWidth')
    expect('it fits a phone of 360 pixels, not %s' % wide, wide <= 360)
    expect('controls are large enough: %s' % b.run('pageTest.small()'), b.run('pageTest.small()') == [])
    if os.environ.get('PAGE_PICTURE'):
        data = b.call('Page.captureScreenshot', captureBeyondViewport=True)['data']
        with open(os.environ['PAGE_PICTURE'], 'wb') as f:
            f.write(base64.b64decode(data))
    b.call('Emulation.clearDeviceMetricsOverride')


# ---- how the server fares ---------------------------------------------------------------------

def traffic(b, url, picture):
    b.wait('document.getElementById("versions").rows.length === 2')
    clear(b)
    b.run('document.getElementById("again").click()')
    wait_answer(b, 'stop')
    b.wait('/^\\d/.test(document.getElementById("versions").rows[1].cells[8].textContent)')
    cells = b.run('[...document.getElementById("versions").rows[1].cells].map((c) => c.textContent)')
    expect('the row of a version: %s' % cells, cells[:4] == ['signs', '2', 'classify', 'ready'] and int(cells[4]) > 0)
    b.run('(() => { document.getElementById("charted").value = "signs/2"; })()')
    b.wait('/L/.test(document.querySelector("#chart .curve.p99[d*=L]")?.getAttribute("d"))')


def drift(b, url, picture):
    b.wait('!document.getElementById("drift-box").hidden')
    rows = b.run('[...document.getElementById("drift").rows].map((r) => [...r.cells].map((c) => c.textContent))')
    bright = [r for r in rows if r[1] == '2' and r[2] == 'brightness']
    expect('brightness is watched: %s' % rows, len(bright) == 1 and float(bright[0][4]) > 0 and float(bright[0][5]) > 0)


def with_token(b, url, picture):
    begin(b, url)
    b.wait('!document.getElementById("token-form").hidden')
    for text in ('wrong', 'secret'):
        b.wait('!document.getElementById("token-form").hidden')
        b.run('(() => { document.getElementById("token").value = %s;'
              'document.getElementById("token-form").requestSubmit(); })()' % json.dumps(text))
        if text == 'wrong':
            b.wait('document.querySelector("[role=alert]").textContent.includes("does not accept")')
    b.wait('document.getElementById("model").value === "signs/"')
    b.choose_file('#file', picture)
    wait_answer(b, 'stop')
    b.events = [e for e in b.events if e['method'] != 'Log.entryAdded']  # of the refusals


def lost_server(b, server):
    """It ends, which the page tells, and asks on."""
    server.end()
    b.wait('document.querySelector("[role=alert]").textContent === "The server does not answer."')


STEPS = [chosen_picture, dropped_picture, pasted_webp, chosen_version, camera, drawn_boxes, drawn_masks, told_errors,
         keyboard, traffic, drift, screen_reader, narrow_and_dark]


def run_steps(b, url, picture, steps):
    for step in steps:
        try:
            step(b, url, picture)
        except Failed as why:
            raise Failed('%s: %s' % (step.__name__.replace('_', ' '), why)) from None
        print('passed', step.__name__.replace('_', ' '))
    outside = [u for u in b.requests() if not u.startswith((url, 'data:', 'blob:', 'about:'))]
    expect('requests to others: %s' % outside, not outside)
    expect('on the console: %s' % b.complaints(), not b.complaints())


def main():
    infer, model, picture = sys.argv[1:4]
    program = browser.find()
    folder = tempfile.mkdtemp()
    for version in ('1', '2'):
        os.makedirs(os.path.join(folder, 'signs', version))
        shutil.copy(model, os.path.join(folder, 'signs', version, 'model.infer'))
    servers, b = [], browser.Browser(program)
    try:
        token = ('--token', 'secret')
        for options, steps in (((), STEPS), (token, [with_token]), (token + ('--compat', 'torchserve'), [with_token])):
            servers.append(Server(infer, folder, *options))
            b.open('about:blank')
            b.events = []
            run_steps(b, servers[-1].url, picture, steps)
        print('no outside request, nothing on the console')
        lost_server(b, servers.pop())
        print('passed lost server')
        return 0
    except Failed as why:
        print('FAILED ', why)
        print('console:', b.complaints())
        return 1
    finally:
        b.close()
        for server in servers:
            server.end()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main())
