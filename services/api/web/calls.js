// SPDX-License-Identifier: Apache-2.0
// The API's calls. The token lives in this tab only.

const TOKEN = "punos-token";

export class CallError extends Error {
  constructor(status, outcome) {
    const issue = outcome && outcome.issue && outcome.issue[0];
    super((issue && issue.diagnostics) || `HTTP ${status}`);
    this.status = status;
    this.outcome = outcome;
  }
}

export function setToken(token) {
  if (token) {
    sessionStorage.setItem(TOKEN, token);
  } else {
    sessionStorage.removeItem(TOKEN);
  }
}

export function hasToken() {
  return sessionStorage.getItem(TOKEN) !== null;
}

async function call(method, path, body, headers) {
  const options = {
    method,
    headers: { Authorization: `Bearer ${sessionStorage.getItem(TOKEN)}`, ...headers },
    cache: "no-store",
  };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  const answer = await fetch(path, options);
  const text = await answer.text();
  let json = null;
  try {
    json = text === "" ? null : JSON.parse(text);
  } catch {
    json = null;
  }
  if (!answer.ok) {
    throw new CallError(answer.status, json);
  }
  return { json, etag: answer.headers.get("ETag") };
}

export const me = async () => (await call("GET", "/me")).json;

// `asked`: state, team, unit, held, names.
export async function worklist(asked, cursor) {
  const query = new URLSearchParams();
  for (const name of ["state", "team", "unit"]) {
    if (asked[name]) {
      query.set(name, asked[name]);
    }
  }
  for (const name of ["held", "names"]) {
    if (asked[name]) {
      query.set(name, "true");
    }
  }
  if (cursor) {
    query.set("_cursor", cursor);
  }
  return (await call("GET", `/worklist?${query}`)).json;
}

export const flagged = (client) => call("GET", `/worklist/${client}`);

export const triggers = async (client) => (await call("GET", `/clients/${client}/triggers`)).json;

// `change`: state, reason, again.
export const setState = (client, change, etag) =>
  call("PUT", `/worklist/${client}`, change, { "If-Match": etag });

export const identity = async (client) =>
  (await call("GET", `/fhir/Patient/${client}/$identity`)).json;

export const patient = async (client) => (await call("GET", `/fhir/Patient/${client}`)).json;

export async function timeline(client, from) {
  const query = new URLSearchParams({ _count: "200", withdrawn: "true" });
  if (from) {
    query.set("from", from);
  }
  return (await call("GET", `/fhir/Patient/${client}/$timeline?${query}`)).json;
}

// Follows a Bundle's next link, on this host whatever name the link has.
export async function nextPage(bundle) {
  const link = (bundle.link || []).find((item) => item.relation === "next");
  if (!link) {
    return null;
  }
  const url = new URL(link.url);
  return (await call("GET", url.pathname + url.search)).json;
}

// The client's plan in force, newest written first; null when there is none.
export async function currentPlan(client) {
  const bundle = (await call("GET", `/fhir/CarePlan?patient=${client}&status=active,completed`)).json;
  const found = (bundle.entry || []).find((item) => item.search.mode === "match");
  return found ? found.resource : null;
}

export const lossReport = async (body) =>
  (await call("POST", "/fhir/CarePlan/$loss-report", body)).json;

export const storedLosses = async (id) =>
  (await call("GET", `/fhir/CarePlan/${id}/$loss-report`)).json;

export const plan = (id) => call("GET", `/fhir/CarePlan/${id}`);

export const createPlan = (body) => call("POST", "/fhir/CarePlan", body);

export const updatePlan = (id, body, etag) =>
  call("PUT", `/fhir/CarePlan/${id}`, body, { "If-Match": etag });

const SHARED = { system: "https://punos.fi/fhir/CodeSystem/flag", code: "shared-client" };

// The Flag of the client's open case as a shared client; null when there is none.
export async function sharedCase(client) {
  const bundle = (await call("GET", `/fhir/Flag?patient=${client}&status=active`)).json;
  const found = (bundle.entry || []).map((item) => item.resource).find((resource) =>
    ((resource.code || {}).coding || []).some((item) => item.code === SHARED.code));
  return found || null;
}

export const openCase = (client) => call("POST", "/fhir/Flag", {
  resourceType: "Flag", status: "active", code: { coding: [SHARED] },
  subject: { reference: `Patient/${client}` } });

export const endCase = (flag) => call("PUT", `/fhir/Flag/${flag.id}`,
  { ...flag, status: "inactive" }, { "If-Match": `W/"${flag.meta.versionId}"` });

export const deliveryState = async (id) =>
  (await call("GET", `/fhir/CarePlan/${id}/$delivery-state`)).json;

function feedbackQuery(asked) {
  return new URLSearchParams(Object.entries(asked).filter(([, value]) => value)).toString();
}

export const feedback = async (asked) =>
  (await call("GET", `/rules/feedback?${feedbackQuery(asked)}`)).json;

export async function feedbackCsv(asked) {
  const answer = await fetch(`/rules/feedback.csv?${feedbackQuery(asked)}`, {
    headers: { Authorization: `Bearer ${sessionStorage.getItem(TOKEN)}` }, cache: "no-store" });
  if (!answer.ok) {
    throw new CallError(answer.status, null);
  }
  return answer.blob();
}
