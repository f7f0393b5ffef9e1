// The readiness page in a real browser. Run by page_test.go, which makes the pages.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { axe, dir, greens, noon, open, overflow, quiet, shot, start, validUntil, visible } from './browser.mjs';

let browser;
before(async () => { browser = await start(); });
after(async () => { await browser?.close(); });

const seconds = (n) => n * 1000;
const later = (date, ms) => new Date(date.getTime() + ms);

test('worst first, with words and signs', async () => {
  const page = await open(browser, 'fleet');
  assert.deepEqual(await visible(page), ['billing', 'orders', 'marts', 'sessions', 'crm', 'catalog', 'ledger', 'warehouse']);
  assert.deepEqual(await page.locator('#rows>.w .c1 .s').allTextContents(), ['✗ RED', '✗ RED', '? UNKNOWN', '? UNKNOWN', '! YELLOW', '✓ GREEN', '✓ GREEN', '✓ GREEN']);
  assert.equal(await page.locator('#worst').textContent(), '✗ RED');
  assert.match(await page.title(), /^RED, 8 resources/);
  assert.deepEqual(await page.locator('#groups li a').allTextContents(), ['payments', 'analytics', 'storefront']);
  await shot(page, 'desktop-light');
  await quiet(page);
});

test('filter by text, status, platform, tier, site and group', async () => {
  const page = await open(browser, 'fleet');
  const q = page.getByRole('searchbox');
  await q.fill('database_suspended');
  assert.deepEqual(await visible(page), ['billing']);
  assert.equal(await page.locator('#shown').textContent(), '1 of 8');
  await q.fill('SHOP-dba payments');
  assert.deepEqual(await visible(page), ['orders', 'ledger']);
  await q.fill('no such thing');
  assert.deepEqual(await visible(page), []);
  assert.ok(await page.getByText('That is not a healthy result').isVisible());
  await page.getByRole('button', { name: 'Clear' }).click();
  assert.equal((await visible(page)).length, 8);

  await page.getByRole('checkbox', { name: 'UNKNOWN' }).check();
  assert.deepEqual(await visible(page), ['marts', 'sessions']);
  await page.getByRole('checkbox', { name: 'RED' }).check();
  assert.deepEqual(await visible(page), ['billing', 'orders', 'marts', 'sessions']);
  await page.getByRole('combobox', { name: 'Platform', exact: true }).selectOption('snowflake');
  assert.deepEqual(await visible(page), ['marts']);
  await page.getByRole('button', { name: 'Clear' }).click();
  await page.getByRole('combobox', { name: 'Tier', exact: true }).selectOption('2');
  assert.deepEqual(await visible(page), ['marts', 'crm', 'catalog', 'warehouse']);
  await page.getByRole('combobox', { name: 'Group', exact: true }).selectOption('storefront');
  assert.deepEqual(await visible(page), ['crm', 'catalog']);
  await page.getByRole('button', { name: 'Clear' }).click();
  await page.getByRole('link', { name: 'analytics' }).click();
  assert.deepEqual(await visible(page), ['marts', 'warehouse']);
  await page.getByRole('link', { name: 'analytics' }).click();
  assert.equal((await visible(page)).length, 8);
  await quiet(page);

  const large = await open(browser, 'large');
  await large.getByRole('combobox', { name: 'Site', exact: true }).selectOption('lon');
  const shown = (await visible(large)).length;
  assert.ok(shown > 50 && shown < 200, `${shown} of 500 at one of four sites`);
  await quiet(large);
});

test('keyboard alone', async () => {
  const page = await open(browser, 'fleet');
  const focus = () => page.evaluate(() => document.activeElement.querySelector?.('.n')?.textContent ?? document.activeElement.id ?? document.activeElement.tagName);
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
  await page.keyboard.press('Enter');
  assert.equal(await focus(), 'list');
  await page.keyboard.press('/');
  assert.equal(await focus(), 'q');
  await page.keyboard.type('j/k'); // letters are letters while typing
  assert.equal(await page.locator('#q').inputValue(), 'j/k');
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('#q').inputValue(), '');
  assert.equal((await visible(page)).length, 8);
  await page.keyboard.press('j');
  assert.equal(await focus(), 'billing');
  await page.keyboard.press('j');
  await page.keyboard.press('ArrowDown');
  assert.equal(await focus(), 'marts');
  await page.keyboard.press('k');
  await page.keyboard.press('ArrowUp');
  assert.equal(await focus(), 'billing');
  await page.keyboard.press('k'); // there is nothing above the first
  assert.equal(await focus(), 'billing');
  const detail = page.locator('#rows>.w').first();
  assert.equal(await detail.evaluate((d) => d.open), false);
  await page.keyboard.press('Enter');
  assert.equal(await detail.evaluate((d) => d.open), true);
  assert.ok(await page.getByText('bcctl explain billing --live').isVisible());
  await page.keyboard.press('Escape');
  assert.equal(await detail.evaluate((d) => d.open), false);
  assert.equal(await focus(), 'billing');
  await page.keyboard.press('/');
  await page.keyboard.type('green');
  await page.keyboard.press('ArrowDown');
  assert.equal(await focus(), 'catalog');
  await quiet(page);
});

test('no status is green past the time until which it holds', async () => {
  const page = await open(browser, 'fleet');
  assert.ok((await greens(page)).length > 5);
  await page.clock.setFixedTime(later(validUntil, -seconds(1)));
  await page.clock.runFor(1500);
  assert.ok((await greens(page)).length > 5, 'still valid a second before');
  await page.clock.setFixedTime(validUntil);
  await page.clock.runFor(1500);
  assert.deepEqual(await greens(page), []);
  assert.deepEqual(await page.locator('#counts b').allTextContents(), ['2', '6', '0', '0']);
  assert.deepEqual(await page.locator('#rows>.w .c1 .s').allTextContents(), ['✗ RED, stale', '✗ RED, stale', ...Array(6).fill('? UNKNOWN')]);
  assert.deepEqual(await page.locator('#groups .s').allTextContents(), ['✗ RED, stale', '? UNKNOWN', '? UNKNOWN']);
  assert.deepEqual((await visible(page)).slice(0, 4), ['billing', 'orders', 'catalog', 'crm'], 'sorted anew');
  assert.match(await page.locator('#old').textContent(), /^8 of 8 verdicts have expired/);
  assert.match(await page.locator('#rows>.w').nth(2).textContent(), /until 12:10:40Z, then UNKNOWN/, 'the time stays beside the status');
  await shot(page, 'expired');
  await axe(page, 'expired');
  await quiet(page);
});

test('the script says of every status and time what bcctl says', async () => {
  const expected = JSON.parse(readFileSync(join(dir, 'matrix.json')));
  for (const { at, statuses } of expected) {
    const page = await open(browser, 'matrix', { at: new Date(at), still: true });
    const seen = Object.fromEntries(await page.evaluate(() => [...document.querySelectorAll('#rows>.w')].map((w) => [w.querySelector('.n').textContent, w.querySelector('.s').textContent.toLowerCase().match(/red|unknown|yellow|green/)[0]])));
    assert.deepEqual(seen, statuses, at);
    await quiet(page);
  }
});

test('a page opened long after it was written shows nothing green', async () => {
  for (const name of ['fleet', 'large', 'hostile', 'green']) {
    const page = await open(browser, name, { at: later(noon, 40 * 24 * 3600 * 1000) });
    assert.deepEqual(await greens(page), [], name);
    await quiet(page);
  }
});

test('green with an expired optional reading is yellow', async () => {
  const page = await open(browser, 'soft');
  assert.equal(await page.locator('#rows .c1 .s').textContent(), '✓ GREEN');
  assert.equal(await page.locator('#worst').textContent(), '✓ GREEN');
  await page.clock.setFixedTime(later(noon, seconds(30)));
  await page.clock.runFor(1500);
  assert.equal(await page.locator('#rows .c1 .s').textContent(), '! YELLOW');
  assert.equal(await page.locator('#groups .s').textContent(), '! YELLOW', 'a group is never better than what is in it');
  assert.equal(await page.locator('#worst').textContent(), '! YELLOW');
  await quiet(page);
});

test('a verdict from the future of the reader is unknown', async () => {
  const page = await open(browser, 'fleet', { at: later(noon, -seconds(3600)) });
  assert.deepEqual(await greens(page), []);
  assert.match(await page.locator('#old').textContent(), /One of the clocks is wrong/);
  await quiet(page);
});

test('a clock that goes back brings nothing back that was never shown', async () => {
  const page = await open(browser, 'expired');
  assert.deepEqual(await greens(page), []);
  await page.clock.setFixedTime(later(noon, -seconds(30)));
  await page.clock.runFor(1500);
  assert.deepEqual(await greens(page), [], 'what was written UNKNOWN stays so');
  await quiet(page);
});

test('the focus stays where it is when the order changes', async () => {
  const page = await open(browser, 'fleet');
  await page.getByText('ledger', { exact: true }).focus();
  await page.locator('summary', { hasText: 'ledger' }).focus();
  await page.keyboard.press('Enter');
  await page.clock.setFixedTime(validUntil);
  await page.clock.runFor(1500);
  assert.match(await page.evaluate(() => document.activeElement.textContent), /ledger/);
  assert.equal(await page.locator('.w[open] .n').textContent(), 'ledger');
  await quiet(page);
});

test('readable with the script off', async () => {
  const page = await open(browser, 'fleet', { at: null, javaScriptEnabled: false });
  assert.ok(await page.getByText('Script is off, so this page cannot follow the clock.').isVisible());
  assert.ok(await page.getByText('until 12:10:40Z, then UNKNOWN').first().isVisible());
  assert.equal(await page.locator('#filter').isVisible(), false, 'what does not work is not shown');
  await page.locator('summary', { hasText: 'orders' }).click();
  assert.ok(await page.getByText('bcctl explain orders --live').isVisible());
  assert.ok(await page.getByText('resources/orders.yaml:').isVisible());
  await shot(page, 'script-off');
  await quiet(page);
});

test('no horizontal scroll at 360 px', async () => {
  for (const name of ['fleet', 'hostile', 'large']) {
    const page = await open(browser, name, { viewport: { width: 360, height: 740 } });
    assert.equal(await overflow(page), 0, name);
    await page.locator('summary').first().click();
    assert.equal(await overflow(page), 0, `${name} with a row open`);
    if (name === 'fleet') {
      await page.locator('summary').first().click();
      await shot(page, 'narrow');
      await page.locator('summary').nth(1).click();
      await page.locator('summary').nth(1).scrollIntoViewIfNeeded();
      await shot(page, 'narrow-detail', { fullPage: true });
      await axe(page, 'narrow, open');
    }
    await quiet(page);
  }
});

test('dark by the system, and by the button', async () => {
  const page = await open(browser, 'fleet', { colorScheme: 'dark' });
  const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const dark = await background();
  await shot(page, 'desktop-dark');
  await axe(page, 'dark');
  const button = page.getByRole('button', { name: /^Theme/ });
  await button.click();
  assert.equal(await background(), dark);
  await button.click();
  const light = await background();
  assert.notEqual(light, dark);
  // What one document keeps reaches the next one when the browser has passed it on.
  for (let i = 0; i < 20; i++) {
    await page.reload();
    if (await background() === light) break;
  }
  assert.equal(await background(), light, 'the choice is kept');
  await quiet(page);
});

test('detail: both sides, drawings with gaps, last known good without colour', async () => {
  const page = await open(browser, 'fleet');
  const row = page.locator('.w', { hasText: 'orders' }).first();
  await row.locator('summary').click();
  assert.deepEqual(await row.locator('thead th bdi').allTextContents(), ['orders-a', 'orders-b']);
  const cells = await row.locator('tr', { hasText: 'node.role' }).locator('td').allTextContents();
  assert.deepEqual(cells.slice(0, 2), ['primary', 'standby']);
  assert.ok(await row.locator('.chart .gap').count() > 0);
  assert.match(await row.locator('.words').textContent(), /no valid verdict 1[0-9]\.\d %/);
  assert.match(await row.locator('figcaption').textContent(), /nothing measured for 2 h/);
  const good = row.locator('.old');
  assert.match(await good.textContent(), /not evidence of now/);
  assert.equal(await good.locator('.s').count(), 0);
  await axe(page, 'light, detail open');
  await row.scrollIntoViewIfNeeded();
  await shot(page, 'detail', { fullPage: true });
  await quiet(page);
});

test('on paper', async () => {
  const page = await open(browser, 'fleet');
  await page.emulateMedia({ media: 'print' });
  assert.ok(await page.getByText('On paper nothing follows the clock.').isVisible());
  assert.equal(await page.locator('#filter').isVisible(), false);
  assert.equal(await page.locator('.rel:visible').count(), 0, 'ages that would be wrong by the time of reading');
  assert.ok(await page.getByText('until 12:10:40Z, then UNKNOWN').first().isVisible());
  await page.setViewportSize({ width: 1000, height: 1200 });
  await shot(page, 'print', { fullPage: true });
  await quiet(page);
});

test('a replay claims nothing about now', async () => {
  const page = await open(browser, 'replay', { at: later(noon, 3600 * 1000) });
  const words = await page.locator('.s').allTextContents();
  assert.ok(words.length > 10 && words.every((w) => w.endsWith(' then')), words.join());
  const solid = await page.evaluate(() => [...document.querySelectorAll('.s')].filter((el) => getComputedStyle(el).backgroundColor !== 'rgba(0, 0, 0, 0)').length);
  assert.equal(solid, 0);
  await shot(page, 'replay');
  await axe(page, 'replay');
  await quiet(page);
});

test('between a phone and a desktop nothing is cut off', async () => {
  for (const name of ['fleet', 'replay']) {
    for (const width of [700, 1000, 1081]) {
      const page = await open(browser, name, { viewport: { width, height: 900 } });
      assert.equal(await overflow(page), 0, `${name} at ${width} px`);
      await quiet(page);
    }
  }
});

test('a status does not reach into the name beside it', async () => {
  for (const [name, at] of [['fleet', noon], ['fleet', later(noon, 3600 * 1000)], ['replay', noon]]) {
    const page = await open(browser, name, { at });
    const over = await page.evaluate(() => [...document.querySelectorAll('summary, .lights li')].flatMap((row) => {
      const badge = row.querySelector('.s'), beside = row.querySelector('.n, a');
      return badge.getBoundingClientRect().right > beside.getBoundingClientRect().left ? [row.textContent.trim().slice(0, 40)] : [];
    }));
    assert.deepEqual(over, [], name);
    await quiet(page);
  }
});

test('texts of servers do nothing', async () => {
  const page = await open(browser, 'hostile');
  for (const summary of await page.locator('summary').all()) await summary.click();
  await page.getByRole('searchbox').fill('onerror');
  assert.equal((await visible(page)).length, 1);
  assert.equal(await page.evaluate(() => window.hurt), undefined);
  assert.equal(await page.locator('img, iframe, object, embed, link, base').count(), 0);
  assert.equal(await page.locator('script').count(), 1);
  assert.ok(!/[\u202e\u2066\u200b\u001b]/.test(await page.content()));
  await axe(page, 'hostile');
  await shot(page, 'hostile');
  await quiet(page);
});

test('light without violations', async () => {
  for (const name of ['fleet', 'green']) {
    const page = await open(browser, name);
    await axe(page, name);
    await quiet(page);
  }
});

test('500 resources: filtered while the page opens', async (t) => {
  for (const name of ['large', 'broken']) {
    const times = [];
    for (let i = 0; i < 3; i++) {
      const page = await open(browser, 'empty', { at: null });
      page.address = page.address.replace('empty', name);
      const began = performance.now();
      await page.goto(page.address, { waitUntil: 'commit' });
      await page.locator('#q').fill('billing');
      await page.waitForFunction(() => !/^500 of/.test(document.getElementById('shown').textContent));
      times.push(Math.round(performance.now() - began));
      assert.ok((await visible(page)).every((n) => n.startsWith('billing')));
      await quiet(page);
    }
    t.diagnostic(`${name}: ${times.join(', ')} ms`);
  }
  const page = await open(browser, 'large');
  await shot(page, 'large');
  const tick = await page.evaluate(() => { const began = performance.now(); document.dispatchEvent(new Event('visibilitychange')); return performance.now() - began; });
  t.diagnostic(`a tick of the clock over 500 resources: ${tick.toFixed(1)} ms`);
  await quiet(page);
});
