// What the cases share: one Chromium, pages that may not ask anybody for
// anything, and the rules that hold in every state of every page.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// The Go test says where the pages are, when they were written and until when
// their statuses hold.
export const dir = process.env.PAGES;
export const noon = new Date(process.env.WRITTEN);
export const validUntil = new Date(process.env.VALID_UNTIL);
const shots = process.env.SHOTS;

export const start = () => chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

// open opens a page at a time of the reader's clock, which goes on, or stands still
// where the second matters. What it hears on the way is judged by quiet.
export async function open(browser, name, { at = noon, still = false, media = {}, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, timezoneId: 'Europe/Berlin', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.heard = [];
  page.on('console', (m) => page.heard.push(`console ${m.type()}: ${m.text()}`));
  page.on('pageerror', (e) => page.heard.push(`error: ${e.message}`));
  page.on('request', (r) => { if (r.url() !== page.address) page.heard.push(`request: ${r.url()}`); });
  page.on('dialog', (d) => { page.heard.push(`dialog: ${d.message()}`); return d.dismiss(); });
  page.address = pathToFileURL(join(dir, `${name}.html`)).href;
  if (at) await page.clock.install({ time: at });
  if (still) await page.clock.setFixedTime(at);
  if (Object.keys(media).length) await page.emulateMedia(media);
  await page.goto(page.address);
  return page;
}

// quiet closes a page and tells whether it stayed within itself.
export async function quiet(page) {
  assert.deepEqual(page.heard, [], 'the page spoke to the console or asked for something');
  await page.context().close();
}

// greens is what of a page a person takes for green: by colour, by word or by sign.
export const greens = (page) => page.evaluate(() => {
  const found = [];
  for (const el of document.querySelectorAll('.s')) {
    if (el.classList.contains('g') || /GREEN|✓/.test(el.textContent)) found.push(el.textContent);
  }
  for (const el of document.querySelectorAll('.cs span')) if (/GREEN/.test(el.textContent)) found.push(el.textContent);
  for (const el of document.querySelectorAll('#counts .g b')) if (el.textContent !== '0') found.push(`count ${el.textContent}`);
  if (/GREEN/.test(document.title)) found.push(document.title);
  return found;
});

// visible are the names of the resources that are shown, in their order.
export const visible = (page) => page.locator('#rows>.w:not([hidden]) .n').allTextContents();

// axe runs the audit; every violation is named with what it is about.
export async function axe(page, state) {
  await page.evaluate(axeSource);
  const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const said = result.violations.map((v) => `${v.id} (${v.impact}): ${v.nodes.slice(0, 3).map((n) => n.target.join(' ') + ' ' + n.failureSummary).join(' | ')}`);
  assert.deepEqual(said, [], `axe, ${state}`);
}

// overflow is what is wider than the window; nothing may be.
export const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

export async function shot(page, name, options = {}) {
  if (shots) await page.screenshot({ path: join(shots, `${name}.png`), ...options });
}
