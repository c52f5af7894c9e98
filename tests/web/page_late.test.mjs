// SPDX-License-Identifier: Apache-2.0
// An answer that comes late: it shows over nothing that was asked for after it, takes nobody away
// from where they are, and what is asked for twice is done once.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { ask, base, complaints, newPage, openFirstClient } from "./browser.mjs";

let page;

before(async () => {
  page = await newPage("fi");
});

// The first request of this method to `path` is answered when it is let go, all others at once. With
// `says` it is answered so, otherwise by the hub.
async function hold(path, { method = "GET", says = null } = {}) {
  let open;
  let told;
  const gate = new Promise((resolve) => {
    open = resolve;
  });
  const asked = new Promise((resolve) => {
    told = resolve;
  });
  let count = 0;
  const answer = async (route) => {
    if (route.request().method() !== method || ++count > 1) {
      await route.fallback();
      return;
    }
    const response = says || { response: await route.fetch() };
    told(route.request());
    await gate;
    await route.fulfill(response);
  };
  await page.route(path, answer);
  return {
    asked,
    count: () => count,
    // Until the page has done all that it does with the answer.
    letGo: async () => {
      const request = await asked;
      open();
      await (await request.response()).finished();
      await page.evaluate(() => fetch("/web/texts.json").then((other) => other.text()));
      await page.unroute(path, answer);
    },
  };
}

const missing = { status: 404, body: "{}" };
const ofList = /\/worklist\?/;
const ofPlans = /\/fhir\/CarePlan\?/;
const writtenPlan = /\/fhir\/CarePlan(\/[0-9a-f-]+)?$/;

async function toList() {
  await page.locator("#nav-list").click();
  await page.locator("tbody tr").first().waitFor();
}

async function openForm() {
  await openFirstClient(page);
  await page.locator("a.button").click();
  await page.locator("form.plan").waitFor();
}

test("the form of a plan shows over no other view", async () => {
  await openFirstClient(page);
  const held = await hold(ofPlans);
  await page.locator("a.button").click();
  await held.asked;
  await toList();
  await held.letGo();
  assert.equal(await page.locator("form.plan").count(), 0);
  assert.equal(await page.locator("tbody tr").count() > 0, true, "the list still stands");
});

test("the form of a plan asked for first replaces no form that is being written", async () => {
  await openFirstClient(page);
  const held = await hold(ofPlans);
  await page.locator("a.button").click();
  await held.asked;
  const address = page.url();
  await toList();
  await page.evaluate((url) => {
    location.href = url;
  }, address);
  await page.locator("form.plan").waitFor();
  await page.locator("#situation").fill("Kirjoitettu ennen myöhäistä vastausta.");
  await held.letGo();
  assert.equal(await page.locator("#situation").inputValue(), "Kirjoitettu ennen myöhäistä vastausta.");
});

for (const isRefused of [false, true]) {
  test(`a plan ${isRefused ? "refused" : "saved"} late takes nobody from another view`, async () => {
    await openForm();
    for (const [id, value] of Object.entries({ place: "Kahvio", goal: "Nukun.", situation: "Väsynyt.",
      responsible: "Maija Mallikas", "attendees.0.who": "Asiakas", "next.0.what": "Uniohjaus",
      "next.0.who": "Maija Mallikas", "follow.0.what": "Soitto", "follow.0.who": "Maija Mallikas" })) {
      await page.locator(`[id="${id}"]`).fill(value);
    }
    const method = await page.locator("h1").textContent() === "Päivitä suunnitelmaa" ? "PUT" : "POST";
    const held = await hold(writtenPlan, { method, says: isRefused ? missing : null });
    const save = page.locator("form.plan button[type=submit]");
    await save.click();
    await held.asked;
    await save.click();
    await toList();
    await held.letGo();
    await page.locator("#status", { hasText: isRefused ? "ei tallentunut" : "tallennettu" }).waitFor();
    assert.equal(await page.locator("h1").textContent(), "Mahdolliset yhteiset asiakkaat");
    assert.equal(held.count(), 1, "saved once");
  });
}

test("a view that fails late fails over no other view", async () => {
  await page.goto(`${base}/#/`);
  await page.locator("tbody tr").first().waitFor();
  const held = await hold(/\/fhir\/Patient\/[0-9a-f]{32}$/, { says: missing });
  await page.locator("tbody tr th a").first().click();
  await held.asked;
  await toList();
  await held.letGo();
  assert.equal(await page.locator("main [role=alert]").count(), 0);
  assert.equal(await page.title(), "Mahdolliset yhteiset asiakkaat – Punos");
});

test("of two filters of the list the one chosen last shows", async () => {
  await page.goto(`${base}/#/`);
  await page.locator("tbody tr").first().waitFor();
  const shown = await page.locator("tbody tr").count();
  const held = await hold(ofList);
  await page.locator("#team-filter").selectOption("nowhere");
  await held.asked;
  await page.locator("#team-filter").selectOption("all");
  await page.locator("#team-filter:focus").waitFor();
  await held.letGo();
  assert.equal(await page.locator("#team-filter").inputValue(), "all");
  assert.equal(await page.locator("tbody tr").count(), shown);
});

test("more of the list is asked for once, and of the list that shows", async () => {
  const list = await ask("/worklist");
  await page.route(ofList, (route) => route.fulfill({ json: { ...list, next: "cursor" } }));
  await page.goto(`${base}/#/client/${list.clients[0].client}`);
  await page.locator("#why").waitFor();
  await toList();
  const shown = await page.locator("tbody tr").count();
  const held = await hold(ofList, { says: { json: { ...list, next: "" } } });
  const more = page.locator("main > button");
  await more.click();
  await held.asked;
  await more.click();
  await held.letGo();
  await page.locator("tbody tr").nth(2 * shown - 1).waitFor();
  assert.equal(held.count(), 1);
  assert.equal(await page.locator("tbody tr").count(), 2 * shown);
  await page.unroute(ofList);
});

test("a name that was hidden while it was asked for stays hidden", async () => {
  await openFirstClient(page);
  const title = await page.locator("h1").textContent();
  const button = page.locator("button[aria-describedby=name-hint]");
  const held = await hold(/\$identity/);
  await button.click();
  await held.asked;
  await button.click();
  await held.letGo();
  assert.equal(await page.locator("h1").textContent(), title);
  assert.equal(await button.textContent(), "Näytä nimi");
});

test("of two spans of the time line the one chosen last shows", async () => {
  await openFirstClient(page);
  const span = page.locator("section[aria-labelledby=timeline-title] select");
  const summary = page.locator("section[aria-labelledby=timeline-title] summary");
  const held = await hold(/timeline\?/, { says: { json: { resourceType: "Bundle", entry: [] } } });
  await span.selectOption("90");
  await held.asked;
  await span.selectOption("0");
  await held.letGo();
  assert.match(await summary.textContent(), /\([1-9]\d*\)/);
});

test("of two teams' feedback the one chosen last shows", async () => {
  await page.goto(`${base}/#/rules`);
  await page.locator("table.figures").first().waitFor();
  const held = await hold(/\/rules\/feedback/);
  await page.locator("#feedback-team").selectOption("nowhere");
  await held.asked;
  await page.locator("#feedback-team").selectOption("all");
  await page.locator("#feedback-team:focus").waitFor();
  await held.letGo();
  assert.equal(await page.locator("#feedback-team").inputValue(), "all");
  assert.ok(await page.locator("table.figures").count() > 0);
});

test("nothing was complained about in the console", () => {
  assert.deepEqual(complaints, []);
});
