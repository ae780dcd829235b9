// jsforce against a sandbox: each step is one line of JSON on stdout, and a step that fails does not keep the rest from running.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

const box = JSON.parse(process.env.BOX);
const jsforce = createRequire(`${process.env.INSTALLED}/`)("jsforce");

const control = async (what, body) => {
  const answer = await fetch(`${box.url}/sandbox/${what}`, { method: "POST", body: JSON.stringify(body) });
  assert.equal(answer.status, 200, await answer.text());
};
const now = async () => new Date((await (await fetch(`${box.url}/sandbox/now`)).json()).now);
const minutes = (at, many) => new Date(at.getTime() + many * 60_000);
const company = (name) => `jsforce ${name}`;
const leads = (name, many) => Array.from({ length: many }, (_, n) => ({ LastName: `L${n}`, Company: company(name) }));
const count = (name) => conn.sobject("Lead").count({ Company: company(name) });
const all = async (stream) => {
  const records = [];
  for await (const record of stream) records.push(record);
  return records;
};

const conn = new jsforce.Connection({
  instanceUrl: box.url,
  version: "65.0",
  oauth2: { clientId: box.client_id, clientSecret: box.client_secret, loginUrl: box.url },
});
conn.bulk2.pollInterval = 50;

const steps = {
  "log in": async () => {
    await conn.authorize({ grant_type: "client_credentials" });
    assert.equal((await conn.identity()).username, "integration@acme.example");

    const person = new jsforce.Connection({ version: "65.0", oauth2: conn.oauth2 });
    await person.login("integration@acme.example", "any password");
    assert.equal(person.instanceUrl, box.url);

    const given = new jsforce.Connection({ instanceUrl: box.url, accessToken: box.token, version: "65.0" });
    assert.equal((await given.query("SELECT Id FROM Organization")).totalSize, 1);
  },
  query: async () => {
    await conn.sobject("Lead").create(leads("query", 3));
    const found = await conn
      .sobject("Lead")
      .find({ Company: company("query"), LastName: { $in: ["L1", "L2"] } }, "Id, LastName, Owner.Name, CreatedDate")
      .sort({ LastName: -1 })
      .limit(1);
    assert.equal(found[0].LastName, "L2");
    assert.equal(found[0].Owner.Name, "Integration User");
    const grouped = await conn.query(
      `SELECT Company, COUNT(Id) n FROM Lead WHERE Company = '${company("query")}' GROUP BY Company`,
    );
    assert.equal(grouped.records[0].n, 3);
    await assert.rejects(conn.query("SELECT Nonsense FROM Lead"), { errorCode: "INVALID_FIELD" });
  },
  paging: async () => {
    await control("load", { Lead: leads("paging", 2_300) });
    const soql = `SELECT Id FROM Lead WHERE Company = '${company("paging")}'`;
    const first = await conn.query(soql);
    assert.deepEqual([first.totalSize, first.records.length, first.done], [2_300, 2_000, false]);
    const second = await conn.queryMore(first.nextRecordsUrl);
    assert.deepEqual([second.records.length, second.done], [300, true]);
    const small = await conn.query(soql, { headers: { "Sforce-Query-Options": "batchSize=500" }, autoFetch: true, maxFetch: 5_000 });
    assert.equal(new Set(small.records.map((record) => record.Id)).size, 2_300);
  },
  describe: async () => {
    const everything = await conn.describeGlobal();
    assert(everything.sobjects.some((kind) => kind.name === "Contact" && kind.keyPrefix === "003"));
    const lead = await conn.describe("Lead");
    assert(lead.fields.some((field) => field.name === "LeadSync_Score__c" && field.type === "double"));
  },
  create: async () => {
    const made = await conn.sobject("Lead").create({ LastName: "Made", Company: company("create") });
    assert.equal(made.success, true);
    assert.equal((await conn.sobject("Lead").retrieve(made.id)).LastName, "Made");
    await assert.rejects(conn.sobject("Lead").create({ LastName: "x" }), { errorCode: "REQUIRED_FIELD_MISSING" });
  },
  update: async () => {
    const { id } = await conn.sobject("Lead").create({ LastName: "Before", Company: company("update") });
    const changed = await conn.sobject("Lead").update({ Id: id, LastName: "After" }, { headers: { "Sforce-Auto-Assign": "FALSE" } });
    assert.deepEqual(changed, { id, success: true, errors: [] });
    assert.equal((await conn.sobject("Lead").retrieve(id)).LastName, "After");
  },
  delete: async () => {
    const { id } = await conn.sobject("Lead").create({ LastName: "Gone", Company: company("delete") });
    assert.equal((await conn.sobject("Lead").destroy(id)).success, true);
    await assert.rejects(conn.sobject("Lead").retrieve(id), { errorCode: "ENTITY_IS_DELETED" });
    const { records } = await conn.query(`SELECT IsDeleted FROM Lead WHERE Id = '${id}'`, { scanAll: true });
    assert.equal(records[0].IsDeleted, true);
  },
  collections: async () => {
    const made = await conn.sobject("Lead").create([...leads("collections", 3), { LastName: "no company" }]);
    assert.deepEqual(made.map((item) => item.success), [true, true, true, false]);
    const ids = made.slice(0, 3).map((item) => item.id);
    const changed = await conn.sobject("Lead").update(ids.map((Id) => ({ Id, Title: "CFO" })));
    assert(changed.every((item) => item.success));
    const read = await conn.sobject("Lead").retrieve(ids);
    assert.deepEqual(read.map((record) => record.Title), ["CFO", "CFO", "CFO"]);
    assert((await conn.sobject("Lead").destroy(ids)).every((item) => item.success));
    assert.equal(await count("collections"), 0);
  },
  upsert: async () => {
    const row = { LastName: "x", Legacy_Id__c: "jsforce / 1" };
    const made = await conn.sobject("Contact").upsert(row, "Legacy_Id__c");
    const again = await conn.sobject("Contact").upsert({ ...row, LastName: "y" }, "Legacy_Id__c");
    assert.deepEqual([made.created, again.created, made.id], [true, false, again.id]);
    const many = await conn.sobject("Contact").upsert([row, { LastName: "z", Legacy_Id__c: "jsforce / 2" }], "Legacy_Id__c", { allowRecursive: true });
    assert.deepEqual(many.map((item) => item.created), [false, true]);
  },
  "updated and deleted": async () => {
    const [kept, gone] = await conn.sobject("Lead").create(leads("updated", 2));
    await conn.sobject("Lead").destroy(gone.id);
    const at = await now();
    await control("advance", { seconds: 120 });
    const updated = await conn.sobject("Lead").updated(minutes(at, -1), minutes(at, 1));
    const deleted = await conn.sobject("Lead").deleted(minutes(at, -1), minutes(at, 1));
    assert(updated.ids.includes(kept.id) && !updated.ids.includes(gone.id));
    assert(deleted.deletedRecords.some((record) => record.id === gone.id));
    assert.equal(updated.latestDateCovered, deleted.latestDateCovered);
  },
  "bulk query": async () => {
    await control("load", { Lead: leads("bulk query", 1_200) });
    const soql = `SELECT Id, LastName FROM Lead WHERE Company = '${company("bulk query")}'`;
    assert.equal((await all(await conn.bulk2.query(soql))).length, 1_200);
    await assert.rejects(conn.bulk2.query("SELECT Nonsense FROM Lead"));
  },
  "bulk ingest": async () => {
    const load = (operation, input, more = {}) =>
      conn.bulk2.loadAndWaitForResults({ object: "Lead", operation, input, ...more });
    const made = await load("insert", [...leads("bulk", 5), { LastName: "no company", Company: "" }]);
    assert.deepEqual([made.successfulResults.length, made.failedResults.length], [5, 1]);
    assert.match(made.failedResults[0].sf__Error, /^REQUIRED_FIELD_MISSING:/);
    const ids = made.successfulResults.map((row) => row.sf__Id);
    const changed = await load("update", ids.map((Id) => ({ Id, Title: "CFO" })));
    assert.equal(changed.successfulResults.length, 5);
    const keyed = leads("bulk", 2).map((lead, n) => ({ ...lead, Legacy_Id__c: `jsforce bulk ${n}` }));
    const upserted = await load("upsert", keyed, { externalIdFieldName: "Legacy_Id__c" });
    assert.deepEqual(upserted.successfulResults.map((row) => row.sf__Created), ["true", "true"]);
    const removed = await load("delete", ids.map((Id) => ({ Id })));
    assert.equal(removed.successfulResults.length, 5);
    assert.equal(await count("bulk"), 2);
  },
  composite: async () => {
    const part = { method: "GET", url: "/services/data/v65.0/limits", referenceId: "a" };
    const answer = await conn.requestPost("/services/data/v65.0/composite", { compositeRequest: [part] });
    assert.equal(answer.compositeResponse[0].httpStatusCode, 200);
  },
  limits: async () => {
    assert.equal((await conn.limits()).DailyApiRequests.Max, 100_000);
    assert(conn.limitInfo.apiUsage.used > 0 && conn.limitInfo.apiUsage.limit === 100_000);
  },
};

for (const [step, run] of Object.entries(steps)) {
  let problem = null;
  try {
    await run();
  } catch (error) {
    problem = `${error.name}: ${error.message}`;
  }
  process.stdout.write(`${JSON.stringify({ step, problem })}\n`);
}
