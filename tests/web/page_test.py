"""The page in a real Chromium against the real programs.

page_test.py BIN_DIR WEB_DIR PICTURES_DIR [unittest's arguments]
"""
import gzip
import json
import os
import re
import socket
import sys
import unittest
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from programs import Demo

BIN, WEB, PICTURES = sys.argv[1:4]
FLAGS = ('--headless=new --no-sandbox --disable-gpu --no-first-run --disable-background-networking '
         '--disable-component-update --disable-sync').split()
WIDTHS = {360: 740, 768: 1024, 1440: 900}
RAW_MAX = 60 * 1024
GZIP_MAX = 20 * 1024
WAIT_S = 15


def chromium(**preferences):
    options = webdriver.ChromeOptions()
    for flag in FLAGS:
        options.add_argument(flag)
    options.add_experimental_option('prefs', {'intl.accept_languages': 'en', **preferences})
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
    return webdriver.Chrome(options=options)


class Page(unittest.TestCase):
    settings = {'CIRCUIT_RESET_TIMEOUT': '1.5', 'REQUEST_TIMEOUT': '1'}
    # Chromium itself notes each answer of 502 and 503: those of this path are what the demo shows.
    expected_notes = r'/call-service-b - Failed to load resource: .* 50[23] '

    @classmethod
    def setUpClass(cls):
        cls.browser = chromium()

    @classmethod
    def tearDownClass(cls):
        cls.browser.quit()

    def setUp(self):
        self.demo = Demo(BIN, **self.settings)
        self.addCleanup(self.demo.end)
        self.browser.get_log('browser')
        self.size(1440)
        self.open()

    def tearDown(self):
        messages = [entry['message'] for entry in self.browser.get_log('browser')
                    if not re.search(self.expected_notes, entry['message'])]
        self.browser.get('about:blank')
        self.assertEqual(messages, [])

    # What a person does and sees

    def open(self, path='/'):
        self.browser.get(self.demo.url + path)
        self.until(lambda: self.link() == 'live', 'live')

    def size(self, width):
        self.browser.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', {
            'width': width, 'height': WIDTHS.get(width, 740), 'deviceScaleFactor': 1, 'mobile': width < 500})

    def prefer(self, scheme, motion='no-preference'):
        self.browser.execute_cdp_cmd('Emulation.setEmulatedMedia', {'features': [
            {'name': 'prefers-color-scheme', 'value': scheme},
            {'name': 'prefers-reduced-motion', 'value': motion}]})

    def script(self, code, *arguments):
        return self.browser.execute_script(code, *arguments)

    def until(self, condition, what):
        WebDriverWait(self.browser, WAIT_S, 0.05).until(lambda _: condition(), f'waited for: {what}')

    def link(self):
        return self.script("return document.querySelector('#link')?.classList[1]")

    def state(self):
        return self.script('return document.documentElement.dataset.state')

    def text(self, selector):
        return self.script('return document.querySelector(arguments[0]).textContent', selector)

    def button(self, name):
        return self.browser.find_element(By.CSS_SELECTOR, '#call' if name == 'call' else f'[data-do={name}]')

    def requests(self, path):
        """How many requests for a path this document has made."""
        return self.script("return performance.getEntriesByType('resource')"
                           ".filter((entry) => new URL(entry.name).pathname === arguments[0]).length", path)

    def calls(self, status, state=None):
        """Clicks the call button and waits for the answer's status, and the state after it."""
        before = self.requests('/call-service-b')
        self.button('call').click()
        self.until(lambda: self.requests('/call-service-b') == before + 1
                   and self.text('#answer p').startswith(f'{status} ')
                   and not self.button('call').get_attribute('aria-busy'), f'an answer {status}')
        if state:
            self.until(lambda: self.state() == state, state)

    def switches(self, name, other):
        self.button(name).click()
        self.until(lambda: self.button(name).get_attribute('aria-pressed') == 'true', f'{name} is pressed')
        self.assertEqual(self.button(other).get_attribute('aria-pressed'), 'false')
        self.assertEqual(self.requests(f'/{name}'), 1)

    def overflows(self):
        return self.script('return document.documentElement.scrollWidth > innerWidth')


class Buttons(Page):
    def test_each_button_is_one_request_and_the_state_follows(self):
        self.assertEqual(self.state(), 'closed')
        self.calls(200)
        self.assertEqual(self.demo.status()['counters']['admitted'], 1)
        self.switches('induce-failure', 'remove-failure')
        for state in ('closed', 'closed', 'open'):
            self.calls(502, state)
        self.calls(503, 'open')
        self.assertIn('Retry-After', self.text('#answer p'))
        self.assertEqual(self.demo.status()['counters']['admitted'], 4)
        self.switches('remove-failure', 'induce-failure')
        self.until(lambda: self.state() == 'half_open', 'half_open')
        self.calls(200, 'closed')
        self.switches('induce-latency', 'remove-latency')
        self.switches('remove-latency', 'induce-latency')
        counters = self.demo.status()['counters']
        self.assertEqual((counters['admitted'], counters['rejected_open']), (5, 1))
        self.assertIn('probe', self.text('#calls tr'))
        self.assertEqual(len(self.browser.find_elements(By.CSS_SELECTOR, '#changes tr')), 3)

    def test_a_click_during_a_running_call_says_so_and_sends_nothing(self):
        self.switches('induce-latency', 'remove-latency')
        self.button('call').click()
        self.button('call').click()
        self.assertEqual(self.text('#call-note'), 'still waiting: one click, one call')
        self.until(lambda: self.text('#answer p').startswith('502 '), 'the answer of the first click')
        self.assertEqual(self.requests('/call-service-b'), 1)
        self.assertEqual(self.demo.status()['counters']['admitted'], 1)
        self.assertIn('timed out', self.text('#calls tr'))

    def test_all_of_it_works_with_the_keyboard_alone(self):
        def tab_to(selector):
            for _ in range(20):
                self.browser.switch_to.active_element.send_keys(Keys.TAB)
                if self.script('return document.activeElement.matches(arguments[0])', selector):
                    return self.browser.switch_to.active_element
            self.fail(f'{selector} is not reached by Tab')
        tab_to('#call').send_keys(Keys.ENTER)
        self.until(lambda: self.text('#answer p').startswith('200 '), 'an answer')
        tab_to('[data-do=induce-failure]').send_keys(Keys.SPACE)
        self.until(lambda: self.button('induce-failure').get_attribute('aria-pressed') == 'true', 'pressed')
        outline = self.script('return getComputedStyle(document.activeElement).outlineStyle')
        self.assertEqual(outline, 'solid')

    def test_what_others_do_is_seen(self):
        self.demo.trip()
        self.until(lambda: self.state() == 'open', 'open')
        self.until(lambda: self.button('induce-failure').get_attribute('aria-pressed') == 'true', 'B fails')
        self.assertEqual(self.requests('/call-service-b'), 0)
        self.until(lambda: self.text('#announce') == 'The circuit is OPEN.', 'it is announced')


class Countdown(Page):
    settings = {'CIRCUIT_RESET_TIMEOUT': '5'}

    def difference(self):
        """Seconds between the ring and what the server says at the same moment."""
        return self.browser.execute_async_script('''
            const done = arguments[0];
            fetch('/circuit-status').then((answer) => answer.json()).then((status) =>
              done(parseFloat(document.querySelector('[data-b=big]').textContent)
                   - status.retry_after_ms / 1000));''')

    def test_it_runs_and_agrees_with_the_server(self):
        self.demo.trip()
        self.until(lambda: self.state() == 'open', 'open')
        self.assertLess(abs(self.difference()), 0.3)
        first = float(self.text('[data-b=big]'))
        self.script('Date.now = () => 0')
        self.calls(503, 'open')
        self.until(lambda: float(self.text('[data-b=big]')) < first - 1, 'a second has passed')
        self.assertLess(abs(self.difference()), 0.3)
        self.assertRegex(self.text('.now'), r'^OPEN since .*because 3 calls in a row failed \(INTERNAL\)')
        self.until(lambda: self.state() == 'half_open', 'half_open')
        self.assertIn('The next call is the probe', self.text('.now'))


class Presentation(Page):
    def test_languages_switch_and_stay(self):
        self.assertEqual(self.text('.pill').strip(), 'CLOSED')
        self.browser.find_element(By.LINK_TEXT, 'ES').click()
        self.until(lambda: self.script('return document.documentElement.lang') == 'es', 'Spanish')
        self.assertEqual(self.text('.pill').strip(), 'CERRADO')
        self.assertEqual(self.text('#call b'), 'Call Service B (via Circuit Breaker)')
        self.open()
        self.until(lambda: self.script('return document.documentElement.lang') == 'es', 'Spanish again')
        self.until(lambda: 'en vivo' in self.text('#link'), 'live in Spanish')
        self.browser.get(self.demo.url + '/circuit-status')
        self.browser.back()
        self.until(lambda: self.script('return document.documentElement.lang') == 'es', 'Spanish after back')
        self.browser.find_element(By.LINK_TEXT, 'EN').click()
        self.until(lambda: self.script('return document.documentElement.lang') == 'en', 'English')

    def test_themes_switch_and_stay(self):
        def background():
            return self.script('return getComputedStyle(document.body).backgroundColor')
        self.prefer('light')
        light = background()
        self.prefer('dark')
        dark = background()
        self.assertNotEqual(light, dark)
        self.browser.find_element(By.CSS_SELECTOR, '[data-set=light]').click()
        self.assertEqual(background(), light)
        self.open()
        self.assertEqual(background(), light)
        self.browser.find_element(By.CSS_SELECTOR, '[data-set=auto]').click()
        self.assertEqual(background(), dark)

    def test_a_phone_scrolls_in_one_direction_and_keeps_state_and_call_in_view(self):
        self.demo.trip()
        for width in (360, 320):
            self.size(width)
            for language in ('en', 'es'):
                self.open(f'/?lang={language}')
                self.assertFalse(self.overflows(), f'{width} {language}')
                self.script('scrollTo(0, document.body.scrollHeight)')
                for selector in ('.pill', '#call'):
                    box = self.script('return document.querySelector(arguments[0])'
                                      '.getBoundingClientRect().toJSON()', selector)
                    self.assertTrue(0 <= box['top'] and box['bottom'] <= 740, f'{selector} {box}')

    def test_calm_motion_shows_the_same(self):
        self.prefer('light', 'reduce')
        self.open()
        self.switches('induce-failure', 'remove-failure')
        for state in ('closed', 'closed', 'open'):
            self.calls(502, state)
        self.assertEqual(self.script("return document.querySelector('#dots').childElementCount"), 0)
        self.assertEqual(self.script('return document.getAnimations().length'), 0)

    def test_the_icon_and_the_title_carry_the_state(self):
        icon = "return document.querySelector('link[rel=icon]').href"
        closed = self.script(icon)
        self.assertTrue(closed.startswith('data:image/svg+xml,'))
        self.assertEqual(self.browser.title, 'CLOSED · Breakwire')
        self.demo.trip()
        self.until(lambda: self.browser.title == 'OPEN · Breakwire', 'the title')
        self.assertNotEqual(self.script(icon), closed)

    def test_both_names_of_this_machine_work(self):
        port = urlsplit(self.demo.url).port
        for host in ('localhost', '127.0.0.1'):
            self.browser.get(f'http://{host}:{port}/')
            self.until(lambda: self.link() == 'live', f'live on {host}')
            self.calls(200)


class Connection(Page):
    settings = {'CIRCUIT_RESET_TIMEOUT': '60'}
    expected_notes = r'/events - Failed to load resource: .* 503 '

    def test_a_hidden_tab_holds_no_stream(self):
        hide = '''Object.defineProperty(document, 'hidden', { value: arguments[0], configurable: true });
                  document.dispatchEvent(new Event('visibilitychange'));'''
        self.script(hide, True)
        self.until(lambda: self.link() == 'paused', 'paused')
        self.demo.trip()
        self.script(hide, False)
        self.until(lambda: self.link() == 'live' and self.state() == 'open', 'live and open')

    def test_without_a_stream_it_asks_every_two_seconds_and_says_so(self):
        self.browser.get('about:blank')
        address = (urlsplit(self.demo.url).hostname, urlsplit(self.demo.url).port)
        streams = []
        while True:
            stream = socket.create_connection(address, timeout=10)
            self.addCleanup(stream.close)
            stream.sendall(b'GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n')
            streams.append(stream)
            if b' 503 ' in stream.recv(64):
                break
        self.browser.get(self.demo.url)
        self.until(lambda: self.link() == 'polling', 'polling')
        self.assertIn('asking every 2 s', self.text('#link'))
        self.demo.trip()
        self.until(lambda: self.state() == 'open', 'open, by asking')


class WithoutScripts(unittest.TestCase):
    def test_state_calls_and_a_link_are_there(self):
        demo = Demo(BIN, CIRCUIT_RESET_TIMEOUT='30')
        self.addCleanup(demo.end)
        demo.post('/call-service-b')
        demo.trip()
        browser = chromium(**{'profile.managed_default_content_settings.javascript': 2})
        self.addCleanup(browser.quit)
        browser.get(demo.url)
        self.assertEqual(browser.find_element(By.CLASS_NAME, 'pill').text, 'OPEN')
        self.assertIn('because 3 calls in a row failed', browser.find_element(By.CLASS_NAME, 'now').text)
        rows = [row.text for row in browser.find_elements(By.CSS_SELECTOR, '#calls tr')]
        self.assertEqual(len(rows), 4)
        self.assertIn('INTERNAL', rows[0])
        self.assertFalse(any(node.is_displayed() for node in browser.find_elements(By.CLASS_NAME, 'js')))
        browser.save_screenshot(f'{PICTURES}/without-scripts.png')
        self.assertEqual(browser.get_log('browser'), [])
        browser.find_element(By.LINK_TEXT, 'Call Service B (via Circuit Breaker)').click()
        WebDriverWait(browser, WAIT_S).until(lambda _: 'circuit_state' in browser.page_source)
        self.assertEqual(demo.status()['counters']['rejected_open'], 1)


class Files(unittest.TestCase):
    def strings(self, language):
        with open(f'{WEB}/strings/{language}.json', encoding='utf-8') as file:
            pairs = json.load(file, object_pairs_hook=list)
        self.assertEqual(len(pairs), len(dict(pairs)), 'a key twice')
        return dict(pairs)

    def test_both_languages_have_the_same_keys_and_variables(self):
        english, spanish = self.strings('en'), self.strings('es')
        self.assertEqual(list(english), list(spanish))
        for key, text in english.items():
            variables = sorted(re.findall(r'\{(\w+)\}', text))
            self.assertEqual(sorted(re.findall(r'\{(\w+)\}', spanish[key])), variables, key)

    def test_every_key_of_the_document_exists(self):
        with open(f'{WEB}/index.html', encoding='utf-8') as file:
            keys = set(re.findall(r'\{\{t:([^}]+)\}\}', file.read()))
        self.assertEqual(keys - set(self.strings('en')), set())

    def test_nothing_is_inline_and_nothing_makes_markup_of_text(self):
        for name in os.listdir(WEB):
            if name.endswith(('.js', '.html')):
                with open(f'{WEB}/{name}', encoding='utf-8') as file:
                    found = re.findall(r'innerHTML|outerHTML|insertAdjacent|document\.write| style=| on\w+="',
                                       file.read())
                self.assertEqual(found, [], name)

    def test_one_visit_stays_in_its_budget(self):
        demo = Demo(BIN)
        self.addCleanup(demo.end)
        browser = chromium()
        self.addCleanup(browser.quit)
        browser.get(demo.url)
        WebDriverWait(browser, WAIT_S).until(lambda _: browser.execute_script(
            "return document.querySelector('#link').classList.contains('live')"))
        paths = browser.execute_script("return performance.getEntriesByType('resource')"
                                       ".map((entry) => new URL(entry.name).pathname)")
        self.assertNotIn('/strings/es.json', paths)
        plain = [demo.get(path) for path in ['/', *sorted(set(paths) - {'/events'})]]
        raw = sum(map(len, plain))
        packed = sum(len(gzip.compress(body, 9, mtime=0)) for body in plain)
        print(f'one visit: {raw} bytes, {packed} as gzip, {len(plain)} files', file=sys.stderr)
        self.assertLessEqual(raw, RAW_MAX)
        self.assertLessEqual(packed, GZIP_MAX)


class Pictures(Page):
    settings = {'CIRCUIT_RESET_TIMEOUT': '60'}

    def take(self, state):
        for width in WIDTHS:
            for language in ('en', 'es'):
                for theme in ('light', 'dark'):
                    self.size(width)
                    self.prefer(theme)
                    self.open(f'/?lang={language}')
                    self.until(lambda: self.state() == state, state)
                    self.assertFalse(self.overflows(), f'{state} {width} {language}')
                    self.browser.save_screenshot(f'{PICTURES}/{state}-{width}-{language}-{theme}.png')

    def test_closed_and_open_look_right_everywhere(self):
        for _ in range(4):
            self.demo.post('/call-service-b')
        self.take('closed')
        self.demo.trip()
        for _ in range(3):
            self.demo.post('/call-service-b')
        self.take('open')


class HalfOpenPictures(Pictures):
    settings = {'CIRCUIT_RESET_TIMEOUT': '0.5'}
    test_closed_and_open_look_right_everywhere = None

    def test_half_open_looks_right_everywhere(self):
        self.demo.trip()
        self.take('half_open')


if __name__ == '__main__':
    os.makedirs(PICTURES, exist_ok=True)
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)
