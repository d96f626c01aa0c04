"""A headless Chromium, told what to do by its DevTools protocol over a pair of pipes."""
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

NAMES = ('chromium', 'chromium-browser', 'google-chrome', 'chrome')


def find():
    """The browser's program, None where there is none."""
    return os.environ.get('CHROMIUM') or next(filter(None, map(shutil.which, NAMES)), None)


class Failed(Exception):
    pass


class Browser:
    """One page. `events` has what it told: its requests, what it wrote to the console."""

    def __init__(self, program):
        self.profile = tempfile.mkdtemp()
        theirs, to_them = self._pipe()
        from_them, answers = self._pipe()
        self.process = subprocess.Popen(
            [program, '--headless=new', '--remote-debugging-pipe', '--no-sandbox', '--disable-gpu', '--no-first-run',
             '--disable-dev-shm-usage', '--disable-background-networking', '--disable-component-update',
             '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--window-size=1000,900',
             '--user-data-dir=' + self.profile, 'about:blank'],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=(3, 4),
            preexec_fn=lambda: (os.dup2(theirs, 3), os.dup2(answers, 4)))
        os.close(theirs)
        os.close(answers)
        self.to, self.back = to_them, from_them
        self.text, self.next, self.answers, self.events, self.session = b'', 0, {}, [], None
        self.on_event = None
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        self.session = self.call('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Network', 'Log', 'DOM', 'Accessibility'):
            self.call(domain + '.enable')

    @staticmethod
    def _pipe():
        """Descriptors far from 3 and 4, where the browser looks for its own."""
        import fcntl
        ends = os.pipe()
        moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in ends]
        for end in ends:
            os.close(end)
        return moved

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)

    def _receive(self, seconds):
        """Takes in what has come, after at most so long."""
        if not select.select([self.back], [], [], seconds)[0]:
            return
        more = os.read(self.back, 1 << 20)
        if not more:
            raise Failed('the browser has ended')
        self.text += more
        *whole, self.text = self.text.split(b'\0')
        for message in map(json.loads, whole):
            if 'id' in message:
                self.answers[message['id']] = message
            else:
                self.events.append(message)
                if self.on_event:
                    self.on_event(message)

    def send(self, method, **params):
        self.next += 1
        message = {'id': self.next, 'method': method, 'params': params}
        if self.session:
            message['sessionId'] = self.session
        text = json.dumps(message).encode() + b'\0'
        while text:
            text = text[os.write(self.to, text):]
        return self.next

    def call(self, method, **params):
        number, end = self.send(method, **params), time.monotonic() + 60
        while number not in self.answers:
            if time.monotonic() > end:
                raise Failed('no answer to ' + method)
            self._receive(1)
        answer = self.answers.pop(number)
        if 'error' in answer:
            raise Failed('%s: %s' % (method, answer['error']['message']))
        return answer['result']

    def run(self, script):
        """The value of an expression in the page; a promise is waited for."""
        result = self.call('Runtime.evaluate', expression=script, awaitPromise=True, returnByValue=True,
                           userGesture=True)
        if 'exceptionDetails' in result:
            raise Failed('%s: %s' % (script, result['exceptionDetails'].get('exception', {}).get('description')))
        return result['result'].get('value')

    def wait(self, script, seconds=60):
        """Until the expression holds."""
        end = time.monotonic() + seconds
        while not (value := self.run(script)):
            if time.monotonic() > end:
                raise Failed('never became true: ' + script)
            self._receive(0.1)
        return value

    def open(self, url):
        self.call('Page.navigate', url=url)
        self.wait('document.readyState === "complete" && location.href.startsWith(%s)' % json.dumps(url))

    def element(self, selector):
        root = self.call('DOM.getDocument')['root']['nodeId']
        return self.call('DOM.querySelector', nodeId=root, selector=selector)['nodeId']

    def choose_file(self, selector, path):
        self.call('DOM.setFileInputFiles', nodeId=self.element(selector), files=[os.path.abspath(path)])

    def drop_file(self, selector, path):
        x, y = self.run('(() => { const r = document.querySelector(%s).getBoundingClientRect();'
                        'return [r.x + r.width / 2, r.y + r.height / 2]; })()' % json.dumps(selector))
        data = {'items': [], 'files': [os.path.abspath(path)], 'dragOperationsMask': 1}
        for kind in ('dragEnter', 'dragOver', 'drop'):
            self.call('Input.dispatchDragEvent', type=kind, x=x, y=y, data=data)

    def key(self, name, code, text=None):
        more = {'text': text} if text else {}
        self.call('Input.dispatchKeyEvent', type='keyDown', key=name, code=name, windowsVirtualKeyCode=code, **more)
        self.call('Input.dispatchKeyEvent', type='keyUp', key=name, code=name, windowsVirtualKeyCode=code)

    def requests(self):
        return [e['params']['request']['url'] for e in self.events if e['method'] == 'Network.requestWillBeSent']

    def complaints(self):
        """Errors and warnings on the console, exceptions that nobody caught, what the policy has stopped."""
        found = []
        for e in self.events:
            p = e['params']
            if e['method'] == 'Runtime.exceptionThrown':
                found.append(str(p['exceptionDetails'].get('exception', {}).get('description')))
            elif e['method'] == 'Runtime.consoleAPICalled' and p['type'] in ('error', 'warning', 'assert'):
                found.append(' '.join(str(a.get('value')) for a in p['args']))
            elif e['method'] == 'Log.entryAdded' and p['entry']['level'] in ('error', 'warning'):
                found.append('%s %s' % (p['entry']['text'], p['entry'].get('url', '')))
        return found
