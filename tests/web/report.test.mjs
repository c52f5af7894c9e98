// SPDX-License-Identifier: Apache-2.0
// The report of a backtest in a real browser: what axe finds (WCAG 2.2 AA), contrast, a narrow window,
// pictures for those who do not see them or their colours. PUNOS_REPORTS has report-<language>.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const require = createRequire(import.meta.url);
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const folder = process.env.PUNOS_REPORTS;
const shots = process.env.PUNOS_SHOTS;
const languages = { fi: "Sääntöjen koeajo", sv: "Provkörning av regler", en: "Backtest of rules" };

let browser;

before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu"] });
});

after(async () => {
  await browser?.close();
});

async function open(language, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("request", (request) => {
    if (!request.url().startsWith("file:")) {
      complaints.push(request.url());
    }
  });
  await page.goto(`file://${folder}/report-${language}/report.html`);
  assert.deepEqual(complaints, [], "nothing is asked from elsewhere, nothing refused");
  return page;
}

async function audit(page, name) {
  await page.evaluate(axeSource);
  const found = await page.evaluate(() => globalThis.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  }));
  assert.deepEqual(found.violations.map((rule) =>
    `${rule.id}: ${rule.nodes.map((node) => node.target.join(" ")).slice(0, 3).join(", ")}`), [],
  `${name}: what axe finds`);
  if (shots) {
    mkdirSync(shots, { recursive: true });
    await page.screenshot({ path: `${shots}/report-${name}.png`, fullPage: true });
  }
}

for (const [language, title] of Object.entries(languages)) {
  for (const colorScheme of ["light", "dark"]) {
    test(`the report in ${language}, ${colorScheme}`, async () => {
      const page = await open(language, { viewport: { width: 1200, height: 900 }, colorScheme });
      assert.equal(await page.locator("h1").textContent(), title);
      assert.equal(await page.locator("html").getAttribute("lang"), language);
      await audit(page, `${language}-${colorScheme}`);
      await page.context().close();
    });
  }
  test(`the report in ${language} in a window of 320 pixels`, async () => {
    const page = await open(language, { viewport: { width: 320, height: 640 } });
    await audit(page, `${language}-narrow`);
    const [wide, inside] = await page.evaluate(() =>
      [document.documentElement.scrollWidth, globalThis.innerWidth]);
    assert.ok(wide <= inside, `the page is ${wide} wide in a window of ${inside}`);
    // Letters in pictures stay letters: what is wide is moved about in its own frame.
    for (const height of await page.locator("svg text").evaluateAll((all) =>
      all.map((one) => one.getBoundingClientRect().height))) {
      assert.ok(height >= 9, `a text ${height} high in a picture`);
    }
    await page.context().close();
  });
}

// axe leaves out what lies outside a frame, and pictures.
test("every pair of colours has its contrast", async () => {
  const luminance = (hex) => {
    const parts = hex.match(/[0-9a-f]{2}/g).map((part) => parseInt(part, 16) / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  for (const colorScheme of ["light", "dark"]) {
    const page = await open("fi", { colorScheme });
    const colours = await page.evaluate(() => Object.fromEntries(
      ["ink", "paper", "line", "new", "today", "soft"].map((name) => [name,
        getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
          .replace(/^#(.)(.)(.)$/, "#$1$1$2$2$3$3")])));
    for (const [one, other, least] of [["ink", "paper", 4.5], ["ink", "soft", 4.5],
      ["line", "paper", 3], ["new", "paper", 4.5], ["today", "paper", 4.5]]) {
      const [high, low] = [luminance(colours[one]), luminance(colours[other])].sort((a, b) => b - a);
      const contrast = (high + 0.05) / (low + 0.05);
      assert.ok(contrast >= least, `${colorScheme}: ${one} on ${other} ${contrast.toFixed(2)}`);
    }
    await page.context().close();
  }
});

test("a picture is told in words, has its table, and needs no colour", async () => {
  const page = await open("en", {});
  const pictures = await page.locator('svg[role="img"]').all();
  assert.equal(pictures.length, 3);
  for (const picture of pictures) {
    assert.match(await picture.getAttribute("aria-label"), /^.+: picture; the same figures are in the table/);
    const [rows, frame] = await picture.evaluate((one) =>
      [one.closest("section").querySelectorAll("table tbody tr").length,
        one.parentElement.getAttribute("tabindex")]);
    assert.ok(rows > 0, "a picture without a table");
    assert.equal(frame, "0", "the keyboard moves it");
    const fills = await picture.evaluate((one) => [...one.querySelectorAll("rect")].map((bar) =>
      [bar.getAttribute("class"), getComputedStyle(bar).fill.includes("stripes")]));
    assert.ok(fills.length > 1);
    for (const [kind, isStriped] of fills) {
      assert.equal(isStriped, kind === "today", `${kind} striped: ${isStriped}`);
    }
  }
  assert.equal(await page.locator("table:not(:has(tbody tr))").count(), 0, "no table without rows");
  await page.context().close();
});
