// SPDX-License-Identifier: Apache-2.0
// A real browser on the hub that tests/web/serve.py prints. PUNOS_URL and PUNOS_TOKEN_FILE say where
// it is, and PUNOS_SHOTS where pictures go.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after } from "node:test";
import { chromium } from "playwright-core";

const require = createRequire(import.meta.url);
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
export const base = process.env.PUNOS_URL;
export const token = readFileSync(process.env.PUNOS_TOKEN_FILE, "utf8").trim();
const shots = process.env.PUNOS_SHOTS;
const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";

export const browser = await chromium.launch({ executablePath, args: ["--headless", "--no-sandbox",
  "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run",
  "--disable-sync"] });
export const complaints = [];

export function watch(watched) {
  // A refused call (412, 422, 401) is an answer the page handles; anything else said is a fault.
  watched.on("console", (message) => {
    if (message.type() === "error" && !/status of (401|403|404|409|412|422)/.test(message.text())) {
      complaints.push(message.text());
    }
  });
  watched.on("pageerror", (error) => complaints.push(error.message));
}

export async function newPage(language) {
  const made = await browser.newContext({ locale: language, viewport: { width: 1200, height: 900 },
    timezoneId: "Europe/Helsinki", bypassCSP: false });
  await made.addInitScript(([key, code]) => {
    if (!localStorage.getItem("language")) {
      localStorage.setItem("language", code);
    }
    if (key) {
      sessionStorage.setItem("punos-token", key);
    }
  }, [token, language]);
  const opened = await made.newPage();
  watch(opened);
  return opened;
}

export async function shot(shown, name) {
  if (shots) {
    mkdirSync(shots, { recursive: true });
    await shown.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
  }
}

export async function audit(shown, name) {
  await shown.evaluate(axeSource);
  const found = await shown.evaluate(() => globalThis.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  }));
  const lines = found.violations.map((rule) =>
    `${rule.id}: ${rule.nodes.map((node) => node.target.join(" ")).slice(0, 3).join(", ")}`);
  assert.deepEqual(lines, [], `${name}: what axe finds`);
}

export async function openFirstClient(shown) {
  await shown.goto(`${base}/#/`);
  await shown.locator("tbody tr th a").first().click();
  await shown.locator("#why").waitFor();
}

export async function ask(path) {
  const answer = await fetch(`${base}${path}`, { headers: { Authorization: `Bearer ${token}` } });
  assert.equal(answer.status, 200, path);
  return answer.json();
}

after(() => browser.close());
