// SPDX-License-Identifier: Apache-2.0
// The shared plan as it stands, and where it has arrived.

import { h } from "./dom.js";
import { clock, day, moment, t } from "./texts.js";
import * as calls from "./calls.js";
import { registerOf } from "./plan_fields.js";
import { storedLosses } from "./plan_loss.js";

function contained(plan, type) {
  return (plan.contained || []).find((item) => item.resourceType === type) || {};
}

function codeOf(concepts) {
  const concept = Array.isArray(concepts) ? concepts[0] : concepts;
  return concept && concept.coding ? concept.coding[0].code : "";
}

function person(who, profession) {
  return profession ? `${who} (${profession})` : who;
}

function activities(plan, code) {
  return (plan.activity || []).filter((item) => codeOf(item.detail.code) === code);
}

function activityItem({ detail, extension }) {
  const who = (detail.performer || []).map((item) => item.display).join(", ");
  return h("li", {}, detail.description,
    h("span", { class: "hint block" },
      `${who} – ${day(detail.scheduledPeriod.end)} – ${t(`progress.${detail.status}`)}`),
    registerOf(extension) !== "both" && h("span", { class: "hint block" },
      t(`register.${registerOf(extension)}`)));
}

// The seven content items, in their order.
function items(plan) {
  const meeting = contained(plan, "Appointment");
  const goal = contained(plan, "Goal");
  const team = contained(plan, "CareTeam");
  const place = meeting.participant.find((item) => codeOf(item.type) === "place");
  const attendees = meeting.participant.filter((item) => codeOf(item.type) !== "place");
  const core = goal.note && goal.note[0].text;
  const phone = (team.telecom || []).map((item) => item.value).join(", ");
  const words = team.note && team.note[0].text;
  return [
    [t("meeting"), [`${moment(meeting.start)} – ${clock(meeting.end)}, ${place.actor.display}`]],
    [t("attendees"), h("ul", {}, attendees.map((item) => h("li", {},
      person(item.actor.display, item.type[0].text),
      item.status === "declined" && ` – ${t("absent")}`)))],
    [t("situation"), plan.description],
    [t("goal"), [core && h("p", {}, h("strong", {}, `${t("core")}: `), core),
      h("p", {}, goal.description.text), goal.expressedBy && h("p", { class: "hint" },
        t("goalOwn"))]],
    [t("next"), h("ul", {}, activities(plan, "next-step").map(activityItem))],
    [t("follow"), h("ul", {}, activities(plan, "follow-up").map(activityItem))],
    [t("responsible"), h("ul", {}, team.participant.map((item) => h("li", {},
      person(item.member.display, item.role[0].text),
      codeOf(item.role) !== "responsible" && h("span", { class: "hint" },
        ` – ${t(codeOf(item.role))}`))))],
    (phone || words) && [t("contact"), [phone, phone && words && ". ", words]],
    [t("valid"), `${day(plan.period.start)} – ${day(plan.period.end)}`],
  ].filter((item) => item);
}

// --- Where it stands -----------------------------------------------------------------------------

const SIGNS = { queued: "○", sent: "◐", committed: "◑", accepted: "●", acknowledged: "✓",
  rejected: "✕", needless: "–" };

function partOf(extension, url) {
  const part = extension.extension.find((item) => item.url === url);
  return part && (part.valueString ?? part.valueUnsignedInt);
}

// The newest version's task per system.
function newestTasks(bundle) {
  const newest = new Map();
  for (const { resource } of bundle.entry || []) {
    const version = Number(resource.focus.reference.split("/_history/")[1]);
    const known = newest.get(resource.owner.display);
    if (!known || known.version < version) {
      newest.set(resource.owner.display, { version, task: resource });
    }
  }
  return newest;
}

function deliveryTable(bundle) {
  const standings = new Map(((bundle.meta || {}).extension || []).map((item) =>
    [partOf(item, "system"), partOf(item, "behind")]));
  const rows = [...newestTasks(bundle)].map(([system, { version, task }]) => {
    const behind = standings.get(system) || 0;
    const reason = task.statusReason && task.statusReason.text;
    const state = task.businessStatus.text;
    return h("tr", {},
      h("th", { scope: "row" }, system),
      h("td", {}, h("span", { "aria-hidden": "true" }, `${SIGNS[state]} `),
        t(`delivery.${state}`),
        behind > 0 && h("span", { class: "block" }, t("behind", behind)),
        reason && task.status !== "completed" && h("span", { class: "hint block" }, reason)),
      h("td", {}, String(version)),
      h("td", {}, moment(task.lastModified)));
  });
  return h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": t("delivery") },
    h("table", {},
    h("caption", {}, t("delivery")),
    h("thead", {}, h("tr", {}, ["system", "deliveryState", "planVersion", "time"]
      .map((key) => h("th", { scope: "col" }, t(key))))),
    h("tbody", {}, rows)));
}

async function delivery(plan, caller) {
  if (!caller.may.includes("delivery-read")) {
    return null;
  }
  try {
    const bundle = await calls.deliveryState(plan.id);
    return (bundle.entry || []).length > 0 ? deliveryTable(bundle) : h("p", {}, t("noDelivery"));
  } catch (error) {
    return h("p", { class: "wrong" }, t("failed", error.message));
  }
}

export async function planSection(client, plan, caller) {
  const link = caller.may.includes("plan-write") && h("p", {},
    h("a", { class: "button", href: `#/client/${client}/plan` },
      t(plan && plan.status === "active" ? "updatePlan" : "writePlan")));
  const title = h("h2", { id: "plan-title" }, t("plan"));
  if (!plan) {
    return h("section", { "aria-labelledby": "plan-title" }, title, h("p", {}, t("noPlan")), link);
  }
  return h("section", { "aria-labelledby": "plan-title" },
    title,
    h("p", { class: "hint" }, t("version", plan.meta.versionId, moment(plan.meta.lastUpdated),
      plan.author.display)),
    h("dl", { lang: plan.language || null }, items(plan).map(([term, value]) =>
      [h("dt", {}, term), h("dd", {}, value)])),
    h("p", { class: "hint" }, t("notStatutory")),
    link,
    await storedLosses(plan),
    await delivery(plan, caller));
}
