// SPDX-License-Identifier: Apache-2.0
// The page in a real browser: what a coordinator does with it, in three languages, by keyboard, and
// with nothing that axe finds wrong. PUNOS_TEAMS_FILE says which file of teams the hub follows.

import assert from "node:assert/strict";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { before, test } from "node:test";
import { ask, audit, base, browser, complaints, newPage, openFirstClient, shot, token, watch } from "./browser.mjs";

let page;

before(async () => {
  page = await newPage("fi");
});

test("the page asks for the token and keeps it in the tab only", async () => {
  const made = await browser.newContext({ locale: "fi" });
  const shown = await made.newPage();
  watch(shown);
  await shown.goto(base);
  await shown.locator("#token").fill("wrong");
  await shown.locator("main form button").click();
  await shown.locator("#token-wrong").waitFor();
  await audit(shown, "signing in");
  await shot(shown, "sign-in");
  await shown.locator("#token").fill(token);
  await shown.locator("main form button").click();
  await shown.locator("tbody tr").first().waitFor();
  assert.equal(await shown.evaluate(() => localStorage.getItem("punos-token")), null);
  assert.equal((await made.cookies()).length, 0);
  await shown.locator("#sign-out").click();
  await shown.locator("#token").waitFor();
  assert.equal(await shown.evaluate(() => sessionStorage.length), 0);
  await made.close();
});

test("the page's files allow no inline script and no other host", async () => {
  const answer = await page.request.get(base);
  const policy = answer.headers()["content-security-policy"];
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /script-src 'self'/);
  assert.doesNotMatch(policy, /unsafe/);
});

for (const [language, title] of [["fi", "Mahdolliset yhteiset asiakkaat"],
  ["sv", "Möjliga gemensamma klienter"], ["en", "Clients who may be shared"]]) {
  test(`the work list in ${language}`, async () => {
    const shown = await newPage(language);
    await shown.goto(base);
    await shown.locator("tbody tr").first().waitFor();
    assert.equal(await shown.locator("h1").textContent(), title);
    assert.equal(await shown.locator("html").getAttribute("lang"), language);
    assert.ok(await shown.locator("tbody tr").count() >= 1);
    await audit(shown, `work list in ${language}`);
    await shot(shown, `worklist-${language}`);
    await openFirstClient(shown);
    await audit(shown, `client in ${language}`);
    await shot(shown, `client-${language}`);
    await shown.context().close();
  });
}

test("the language switch changes everything at once", async () => {
  await page.goto(base);
  await page.locator("tbody tr").first().waitFor();
  await page.locator("#language").selectOption("en");
  await page.locator("h1", { hasText: "Clients who may be shared" }).waitFor();
  assert.equal(await page.locator("html").getAttribute("lang"), "en");
  await page.locator("#language").selectOption("fi");
  await page.locator("h1", { hasText: "Mahdolliset yhteiset asiakkaat" }).waitFor();
});

test("what the team's week has no room for is counted, and shown when asked for", async () => {
  await page.goto(`${base}/#/`);
  await page.locator("tbody tr").first().waitFor();
  const shown = await page.locator("tbody tr").count();
  assert.ok(shown >= 1);
  assert.match(await page.locator("p", { has: page.locator("#held") }).textContent(),
    /^1 uusi nimi odottaa/);
  await page.locator("#held").click();
  await page.locator("#held[aria-pressed=true]").waitFor();
  assert.equal(await page.locator("tbody tr").count(), 1);
  assert.ok((await page.locator("tbody tr").textContent()).includes("odottaa tilaa listalla"));
  await audit(page, "names that wait");
  await page.locator("#held").click();
  await page.locator("#held[aria-pressed=false]").waitFor();
  assert.equal(await page.locator("tbody tr").count(), shown);
});

test("the list is of one team when one is chosen", async () => {
  await page.goto(`${base}/#/`);
  await page.locator("tbody tr").first().waitFor();
  const shown = await page.locator("tbody tr").count();
  const options = await page.locator("#team-filter option").allTextContents();
  assert.deepEqual(options, ["Kaikki tiimit", "Muut", "Kylä"]);
  await page.locator("#team-filter").selectOption("nowhere");
  await page.locator("tbody tr").first().waitFor({ state: "detached" });
  assert.equal(await page.locator("#team-filter").inputValue(), "nowhere");
  await page.locator("#team-filter").selectOption("all");
  await page.locator("tbody tr").first().waitFor();
  assert.equal(await page.locator("tbody tr").count(), shown);
  await page.locator("#team-filter").selectOption("");
  await page.locator("tbody tr").nth(shown - 1).waitFor();
});

test("the history says in words that a name waited and that it came to the list", async () => {
  const list = await ask("/worklist");
  await page.goto(`${base}/#/client/${list.clients[0].client}`);
  await page.locator("#why summary", { hasText: "Tilan historia" }).click();
  const lines = await page.locator("#why details[open] ol li").allTextContents();
  assert.ok(lines.some((line) => line.includes("Tuli listalle · Punos")), lines.join("; "));
  assert.ok(lines.some((line) => line.includes("Jäi odottamaan: viikon lista oli jo täynnä · Punos")),
    lines.join("; "));
  assert.equal(lines.filter((line) => line.includes("Uusi")).length, 1, lines.join("; "));
});

test("names show only when asked for", async () => {
  await page.goto(`${base}/#/`);
  await page.locator("tbody tr").first().waitFor();
  const before = await page.locator("tbody tr th a").first().textContent();
  assert.match(before, /^[0-9a-f]{4} [0-9a-f]{4}$/);
  await page.locator("#names").click();
  await page.locator("#names[aria-pressed=true]").waitFor();
  assert.doesNotMatch(await page.locator("tbody tr th a").first().textContent(),
    /^[0-9a-f]{4} [0-9a-f]{4}$/);
  await page.locator("#names").click();
  await page.locator("#names[aria-pressed=false]").waitFor();
});

test("the drawn time line and the list hold the same, and keys move", async () => {
  await openFirstClient(page);
  await page.locator(".drawn svg").waitFor();
  const marks = await page.locator(".drawn .mark:not(.more)").count();
  assert.ok(marks > 0, "marks are drawn");
  await page.locator("section[aria-labelledby=timeline-title] summary").click();
  const rows = await page.locator("details tbody tr").count();
  assert.ok(rows >= Math.min(marks, 50), `${rows} rows for ${marks} marks`);
  const more = await page.locator("details > button").isVisible();
  assert.equal(more, /\((\d+)\)/.exec(await page.locator("section[aria-labelledby=timeline-title] summary").textContent())[1] > rows);
  const stops = await page.locator('.drawn .mark[tabindex="0"]').count();
  assert.equal(stops, 1, "one tab stop");
  await page.locator('.drawn .mark[tabindex="0"]').focus();
  const last = await page.evaluate(() => document.activeElement.getAttribute("aria-label"));
  await page.keyboard.press("ArrowLeft");
  const moved = await page.evaluate(() => document.activeElement.getAttribute("aria-label"));
  assert.notEqual(moved, last);
  assert.ok((await page.locator(".chosen").textContent()).includes(moved));
  await page.keyboard.press("Home");
  await page.keyboard.press("End");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), last);
});

// Clients of the work list with what the rules say of each.
async function explained() {
  const list = await ask("/worklist");
  return Promise.all(list.clients.map((item) => ask(`/clients/${item.client}/triggers`)));
}

test("a trigger says why, what it counted and where the data comes from", async () => {
  const found = (await explained()).find((one) => one.triggers.some((each) =>
    each.state === "raised" && each.counted.length > 1));
  const trigger = found.triggers[0];
  const words = { fi: "jos määrä olisi", sv: "skulle inte uppfyllas med", en: "would not hold with" };
  for (const language of ["fi", "sv", "en"]) {
    const shown = await newPage(language);
    await shown.setViewportSize({ width: 320, height: 700 });
    await shown.goto(`${base}/#/client/${found.client}`);
    const card = shown.locator("#why .trigger").first();
    await card.waitFor();
    assert.ok((await card.locator("h3").textContent()).startsWith(trigger.title[language]));
    assert.ok((await card.locator("p").first().textContent()).includes(words[language]), language);
    assert.ok(await card.getByText("oberon").count() > 0, "a source");
    await card.locator("summary").focus();
    await shown.keyboard.press("Enter");
    assert.equal(await card.locator("details[open] li").count(), trigger.counted.length);
    const wide = await shown.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 320, `${wide} px at 320`);
    await audit(shown, `a trigger in ${language}`);
    await shot(shown, `trigger-${language}`);
    await shown.context().close();
  }
});

test("rules that nearly hold stand apart", async () => {
  const found = (await explained()).find((one) => one.near.length > 0);
  assert.ok(found, "a client with a rule that nearly holds");
  await page.goto(`${base}/#/client/${found.client}`);
  await page.locator("#near .trigger").first().waitFor();
  assert.equal(await page.locator("#near .trigger").count(), found.near.length);
  assert.equal(await page.locator("#near .tag").first().textContent(), "Ei täyty");
  await audit(page, "what nearly holds");
});

test("a trigger shows the events that it counted", async () => {
  await openFirstClient(page);
  await page.locator("#why button[aria-pressed]").first().click();
  await page.locator("tr.counted").first().waitFor();
  await audit(page, "counted events");
  await shot(page, "counted");
});

test("a state set here is the state that the list shows", async () => {
  await openFirstClient(page);
  await page.locator("#case-state").selectOption("in-discussion");
  await page.locator("#why form button").click();
  await page.locator("#status", { hasText: "Tallennettu" }).waitFor();
  assert.equal(await page.locator("#case-state").inputValue(), "in-discussion");
});

test("who saves by keyboard stays where they were and sees that it was saved", async () => {
  const list = await ask("/worklist?state=new");
  await page.goto(`${base}/#/client/${list.clients[0].client}`);
  await page.locator("#answer-hint").waitFor();
  await page.locator("#case-state").selectOption("seen");
  await page.locator("#why form button").focus();
  await page.keyboard.press("Enter");
  await page.locator("#status", { hasText: "Tallennettu" }).waitFor();
  await page.locator("#case-state:focus").waitFor();
  assert.equal(await page.locator("#case-state").inputValue(), "seen");
  const told = await page.locator("#status").boundingBox();
  const height = await page.evaluate(() => innerHeight);
  assert.ok(told.y >= 0 && told.y + told.height <= height, `the status at ${told.y} px`);
  assert.equal(await page.locator("#answer-hint").count(), 0, "the answer can be noted now");
  await page.locator("#case-state").selectOption("refuses");
  assert.match(await page.locator("#again-hint").textContent(), /Ilman päivää/);
});

test("a save that is answered late shows over no other view", async () => {
  await openFirstClient(page);
  let answer;
  const gate = new Promise((resolve) => {
    answer = resolve;
  });
  const path = /\/worklist\/[0-9a-f]{32}$/;
  await page.route(path, async (route) => {
    if (route.request().method() === "PUT") {
      await gate;
    }
    await route.continue();
  });
  await page.locator("#case-state").selectOption({ index: 1 });
  await page.locator("#why form button").click();
  await page.locator("#nav-list").click();
  await page.locator("tbody tr").first().waitFor();
  answer();
  await page.locator("#status", { hasText: "Tallennettu" }).waitFor();
  assert.equal(await page.locator("h1").textContent(), "Mahdolliset yhteiset asiakkaat");
  await page.unroute(path);
});

test("a reason is chosen from a list, and a date brings the client back", async () => {
  await openFirstClient(page);
  await page.locator("#case-state").selectOption("not-relevant");
  assert.ok(await page.getByLabel("Syy", { exact: true }).isVisible());
  assert.equal(await page.locator('#case-reason option[value=""]').count(), 0, "a reason is needed");
  assert.ok(!await page.locator("#case-again").isVisible());
  await page.locator("#case-state").selectOption("thinking");
  assert.ok(!await page.locator("#case-reason").isVisible());
  await page.getByLabel("Palataan asiaan").fill("2099-01-15");
  await audit(page, "a state with a date");
  await page.locator("#why form button").click();
  await page.locator("#status", { hasText: "Tallennettu" }).waitFor();
  assert.equal(await page.locator("#case-state").inputValue(), "thinking");
  await page.getByText("Tilan historia").click();
  assert.ok(await page.locator("#why details[open] ol li").count() >= 2);
  await page.locator("#case-state").selectOption("in-discussion");
  await page.locator("#why form button").click();
  await page.locator("#status", { hasText: "Tallennettu" }).waitFor();
  await page.locator("#case-state option[value=consents]").waitFor({ state: "attached" });
});

async function fillPlan(shown) {
  const values = {
    place: "Esimerkkilän sote-keskus", situation: "Asuu yksin. Käynyt usein päivystyksessä.",
    goal: "Nukun paremmin.", responsible: "Maija Mallikas", core: "Univaikeudet",
    responsibleProfession: "sairaanhoitaja", "attendees.0.who": "Asiakas itse",
    "next.0.what": "Uniohjaus", "next.0.who": "Maija Mallikas",
    "follow.0.what": "Soitto kahden viikon välein", "follow.0.who": "Maija Mallikas",
  };
  for (const [id, value] of Object.entries(values)) {
    await shown.locator(`[id="${id}"]`).fill(value);
  }
}

test("a plan with gaps is not sent, and each gap is named and led to", async () => {
  await openFirstClient(page);
  await page.locator("a.button").click();
  await page.locator("form.plan").waitFor();
  await page.locator("form.plan button[type=submit]").click();
  await page.locator(".summary a").first().waitFor();
  await audit(page, "plan form with faults");
  await shot(page, "plan-faults");
  await page.locator(".summary a").first().click();
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-invalid")),
    "true");
});

test("a plan is written, shows, and its deliveries with it", async () => {
  await openFirstClient(page);
  await page.locator("a.button").click();
  await page.locator("form.plan").waitFor();
  await fillPlan(page);
  await page.locator('[data-rows="next"] + button').click();
  await page.locator('[id="next.1.what"]').fill("Tutustuminen päivätoimintaan");
  await page.locator('[id="next.1.who"]').fill("Oili Oletettu; Asiakas itse");
  await page.locator('[id="next.1.when"]').fill(await page.locator('[id="next.0.when"]').inputValue());
  await page.locator('[id="next.1.register"]').selectOption("social");
  // Before saving: what of it Oberon, a system of the patient register, will not have.
  await page.locator(".losses li", { hasText: "oberon: kaikki ei siirry:" }).waitFor();
  await page.locator(".losses li li", { hasText:
    "Mitä seuraavaksi: merkitty vain sosiaalihuollon asiakasrekisteriin" }).first().waitFor();
  await audit(page, "plan form");
  await shot(page, "plan-form");
  await page.locator("form.plan button[type=submit]").click();
  await page.locator("dl dd", { hasText: "Käynyt usein päivystyksessä" }).waitFor();
  await page.locator("dl dd", { hasText: "Tutustuminen päivätoimintaan" }).waitFor();
  await assert.doesNotReject(async () => {
    for (let i = 0; i < 40; i++) {
      if (await page.locator("caption", { hasText: "Suunnitelma järjestelmissä" }).count() > 0 &&
          await page.locator("td", { hasText: "Perillä" }).count() > 0) {
        return;
      }
      await page.reload();
      await page.locator("#plan-title").waitFor();
    }
    throw new Error("the delivery never arrived");
  });
  await audit(page, "client with plan");
  await shot(page, "client-with-plan");
});

test("the list says of a client with a plan that there is one", async () => {
  await page.goto(`${base}/#/`);
  const state = page.locator("tbody tr").first().locator("td", { hasText: "On yhteinen suunnitelma" });
  await state.waitFor();
  assert.match(await state.textContent(), /vastuutyöntekijä/i);
});

test("two who write at once both keep their work", async () => {
  const other = await newPage("fi");
  for (const shown of [page, other]) {
    await openFirstClient(shown);
    await shown.locator("a.button").click();
    await shown.locator("form.plan").waitFor();
  }
  await other.locator("#place").fill("Etäyhteys");
  await other.locator("#situation").fill("Toisen kirjoittama tilanne.");
  await other.locator("form.plan button[type=submit]").click();
  await other.locator("dl dd", { hasText: "Toisen kirjoittama tilanne" }).waitFor();
  await page.locator("#goal").fill("Minun kirjoittamani tavoite.");
  await page.locator("#situation").fill("Minun kirjoittamani tilanne.");
  await page.locator("form.plan button[type=submit]").click();
  await page.locator(".summary h2").waitFor();
  assert.equal(await page.locator("#place").inputValue(), "Etäyhteys");
  assert.equal(await page.locator("#goal").inputValue(), "Minun kirjoittamani tavoite.");
  assert.equal(await page.locator("#situation").inputValue(), "Minun kirjoittamani tilanne.");
  await page.locator(".notice", { hasText: "Toisen kirjoittama tilanne" }).waitFor();
  await audit(page, "merged plan form");
  await shot(page, "plan-merged");
  await page.locator("form.plan button[type=submit]").click();
  await page.locator("dl dd", { hasText: "Minun kirjoittamani tilanne" }).waitFor();
  await page.locator("dl dd", { hasText: "Etäyhteys" }).waitFor();
  await other.context().close();
});

test("narrow screens and large text reflow", async () => {
  const made = await browser.newContext({ viewport: { width: 320, height: 640 }, locale: "fi" });
  await made.addInitScript((key) => sessionStorage.setItem("punos-token", key), token);
  const shown = await made.newPage();
  watch(shown);
  await openFirstClient(shown);
  const overflow = await shown.evaluate(() =>
    document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(overflow <= 0, `${overflow} px wider than the screen`);
  await audit(shown, "narrow");
  await shot(shown, "narrow");
  await made.close();
});

test("on a narrow screen the whole list is seen without scrolling sideways", async () => {
  for (const language of ["fi", "sv", "en"]) {
    const shown = await newPage(language);
    await shown.setViewportSize({ width: 320, height: 700 });
    await shown.goto(`${base}/#/`);
    await shown.locator("tbody tr").first().waitFor();
    const [inner, outer] = await shown.locator(".wide").evaluate((element) =>
      [element.scrollWidth, element.clientWidth]);
    assert.ok(inner <= outer, `${language}: ${inner} px of ${outer}`);
    assert.ok(await shown.getByRole("table").isVisible(), "still a table");
    const cells = shown.getByRole("row").nth(1).getByRole("cell");
    assert.equal(await cells.count(), 3, "with its cells");
    assert.equal(await shown.getByRole("columnheader").count(), 4, "and its heads");
    await audit(shown, `a narrow list in ${language}`);
    await shot(shown, `worklist-narrow-${language}`);
    await shown.context().close();
  }
});

for (const [language, title] of [["fi", "Sääntöjen palaute"], ["sv", "Återkoppling om reglerna"],
  ["en", "Feedback on the rules"]]) {
  test(`feedback on the rules in ${language}`, async () => {
    const shown = await newPage(language);
    await shown.goto(`${base}/#/`);
    await shown.locator("#nav-rules").click();
    await shown.locator("table.figures").first().waitFor();
    assert.equal(await shown.locator("h1").textContent(), title);
    for (const details of await shown.locator("main details").all()) {
      await details.evaluate((element) => element.setAttribute("open", ""));
    }
    await audit(shown, `feedback in ${language}`);
    await shot(shown, `feedback-${language}`);
    assert.doesNotMatch(await shown.locator("main").innerText(), /feedback\.|undefined|NaN/);
    await shown.context().close();
  });
}

test("feedback is of one team or unit when one is chosen", async () => {
  await page.goto(`${base}/#/rules`);
  await page.locator("#feedback-team").waitFor();
  assert.deepEqual(await page.locator("#feedback-team option").allTextContents(),
    ["Kaikki tiimit", "Muut", "Kylä"]);
  const units = await page.locator("#feedback-unit option").count();
  await page.locator("#feedback-team").selectOption("nowhere");
  await page.getByText("Tältä ajalta ei ole nostoja.").waitFor();
  await page.locator("#feedback-team:focus").waitFor();
  assert.equal(await page.locator("#feedback-unit option").count(), units, "units to choose from");
  await audit(page, "feedback of a team");
  await page.locator("#feedback-team").selectOption("");
  await page.locator("table.figures").first().waitFor();
});

test("the pictures of the rules have their numbers beside them", async () => {
  const client = await page.request.get(`${base}/worklist`, { headers: { Authorization: `Bearer ${token}` } })
    .then((answer) => answer.json()).then((list) => list.clients[0].client);
  const path = `${base}/worklist/${client}`;
  const headers = { Authorization: `Bearer ${token}` };
  const read = await page.request.get(path, { headers });
  await page.request.put(path, { headers: { ...headers, "If-Match": read.headers().etag },
    data: { state: "in-discussion" } });
  await page.goto(`${base}/#/`);
  await page.locator("#nav-rules").click();
  const row = page.locator("table.figures").first().locator("tbody tr", { has: page.locator("svg") }).first();
  await row.waitFor();
  assert.equal(await row.locator("svg").getAttribute("aria-hidden"), "true");
  assert.match(await row.innerText(), /\d+\s?% \(luottamusväli \d+\s?%–\d+\s?%\), \d+ arviota/);
  await page.locator("#feedback-span").selectOption("3");
  await page.locator("#feedback-span:focus").waitFor();
  const [saved] = await Promise.all([page.waitForEvent("download"),
    page.locator("main button", { hasText: "CSV" }).click()]);
  assert.match(readFileSync(await saved.path(), "utf8"), /^rule,version,scope,unit,fired/);
  await audit(page, "feedback after a verdict");
});

async function until(holds, what) {
  for (let i = 0; i < 300; i++) {
    if (await holds()) {
      return;
    }
    await page.waitForTimeout(100);
  }
  assert.fail(what);
}

function putTeams(text) {
  writeFileSync(`${process.env.PUNOS_TEAMS_FILE}.new`, text);
  renameSync(`${process.env.PUNOS_TEAMS_FILE}.new`, process.env.PUNOS_TEAMS_FILE);
}

test("clients of units that no team has are all seen, and the units are named", async () => {
  const before = readFileSync(process.env.PUNOS_TEAMS_FILE, "utf8");
  const { states } = await ask("/worklist");
  putTeams(before.replace('units: ["*"]', 'units: ["no-such-unit-either"]'));
  try {
    await until(async () => (await ask("/worklist")).withoutTeam?.held === 0, "held back no more");
    const list = await ask("/worklist?team=-");
    assert.ok(list.clients.length > 0 && list.clients.every((item) => !item.team));
    const open = list.withoutTeam.units.reduce((sum, item) => sum + item.open, 0);
    assert.equal(list.withoutTeam.states.new, states.new + 1, "with the one who waited");
    await page.goto(`${base}/#/`);
    await page.reload();
    await page.locator("#no-team").waitFor();
    const note = await page.locator("#no-team").textContent();
    assert.ok(note.startsWith(`${open} avointa asiakasta ei kuulu`), note);
    assert.ok(list.withoutTeam.units.every((item) => note.includes(item.unit)), note);
    await page.locator("#team-filter").selectOption("-");
    await page.locator("#team-filter:focus").waitFor();
    assert.equal(await page.locator("tbody tr").count(), list.clients.length);
    await audit(page, "clients without a team");
    await shot(page, "without-team");
    assert.match((await (await fetch(`${base}/readyz`)).json()).teams, /^units without a team: \d+$/);
    await page.locator("#team-filter").selectOption("");
    await page.locator("#team-filter:focus").waitFor();
  } finally {
    putTeams(before);
    await until(async () => !(await ask("/worklist")).withoutTeam, "as before");
  }
});

test("a concern reported over the API is told in words", async () => {
  const { client } = (await ask("/worklist")).clients[0];
  const system = "https://punos.fi/fhir/CodeSystem/";
  const answer = await page.request.post(`${base}/fhir/Flag`, {
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/fhir+json" },
    data: { resourceType: "Flag", status: "active", subject: { reference: `Patient/${client}` },
      code: { coding: [{ system: `${system}concern`, code: "core-not-reached" }] },
      author: { identifier: { system: `${system}reporter`, value: "relative" } } } });
  assert.equal(answer.status(), 201);
  await until(async () => (await ask(`/clients/${client}/triggers`)).triggers.some((each) =>
    each.counted.some((event) => event.reportedBy === "relative") &&
    JSON.stringify(each.issue).includes("/service/plan")), "the concern's trigger with its source");
  const words = { fi: ["Suoraan Punokseen ilmoitetut huolet", "ilmoitti läheinen"],
    sv: ["Oro som anmälts direkt till Punos", "anmäld av en närstående"],
    en: ["Concerns reported directly to Punos", "reported by someone close"] };
  for (const [language, [source, reporter]] of Object.entries(words)) {
    const shown = await newPage(language);
    await shown.goto(`${base}/#/client/${client}`);
    await shown.locator("#why .trigger li", { hasText: source }).first().waitFor();
    const text = await shown.locator("main").textContent();
    assert.ok(text.includes(reporter), language);
    assert.ok(!text.includes("/service/"), language);
    await shown.context().close();
  }
});

test("nothing was complained about in the console", () => {
  assert.deepEqual(complaints, []);
});
