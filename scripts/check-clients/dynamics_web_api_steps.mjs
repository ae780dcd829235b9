// dynamics-web-api against a sandbox: each step is one line of JSON on stdout, and a step that fails does not keep the rest from running.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

const box = JSON.parse(process.env.BOX);
const { DynamicsWebApi } = createRequire(`${process.env.INSTALLED}/`)("dynamics-web-api");

const token = async () => {
  const form = new URLSearchParams({
    grant_type: "client_credentials", client_id: box.client_id, client_secret: box.client_secret, scope: `${box.url}/.default`,
  });
  const answer = await fetch(`${box.url}/${box.tenant}/oauth2/v2.0/token`, { method: "POST", body: form });
  return (await answer.json()).access_token;
};
let held;
const api = new DynamicsWebApi({
  serverUrl: box.url,
  dataApi: { version: "9.2" },
  onTokenRefresh: async () => (held ??= await token()),
});
const collection = "leads";
const nobody = "11111111-2222-3333-4444-555555555555";
const company = (name) => `dynamics-web-api ${name}`;
const create = (name, more = {}) => api.create({ collection, data: { lastname: "L", companyname: company(name), ...more } });
const read = (key, ...select) => api.retrieve({ collection, key, select });
const count = (name) => api.count({ collection, filter: `companyname eq '${company(name)}'` });

const steps = {
  "log in": async () => assert.match((await api.callFunction("WhoAmI")).UserId, /^[0-9a-f-]{36}$/),
  create: async () => {
    const key = await create("create");
    assert.equal((await read(key, "fullname", "statuscode")).statuscode, 1);
    const row = await api.create({ collection, data: { lastname: "Back" }, returnRepresentation: true, select: ["lastname"] });
    assert.equal(row.lastname, "Back");
  },
  update: async () => {
    const key = await create("update");
    assert.equal(await api.update({ collection, key, data: { jobtitle: "CFO" } }), true);
    await api.updateSingleProperty({ collection, key, fieldValuePair: { lastname: "Set" } });
    assert.deepEqual((({ jobtitle, lastname }) => [jobtitle, lastname])(await read(key, "jobtitle", "lastname")), ["CFO", "Set"]);
  },
  delete: async () => {
    const key = await create("delete", { jobtitle: "CFO" });
    await api.deleteRecord({ collection, key, property: "jobtitle" });
    assert.equal((await read(key, "jobtitle")).jobtitle, null);
    await api.deleteRecord({ collection, key });
    await assert.rejects(read(key, "lastname"), { status: 404, code: "0x80040217" });
  },
  "conditional requests": async () => {
    const key = await create("conditions");
    const ifmatch = (await read(key, "lastname"))["@odata.etag"];
    assert.equal(await api.update({ collection, key, data: { jobtitle: "1" }, ifmatch }), true);
    assert.equal(await api.update({ collection, key, data: { jobtitle: "2" }, ifmatch }), false);
    assert.equal(await api.upsert({ collection, key, data: { jobtitle: "3" }, ifnonematch: "*" }), null);
    assert.equal(await api.upsert({ collection, key: nobody, data: { lastname: "4" }, ifmatch: "*" }), null);
    assert.equal((await read(key, "jobtitle")).jobtitle, "1");
  },
  "alternate keys": async () => {
    const upsert = (lastname) =>
      api.upsert({ collection: "contacts", key: "acme_legacyid='D-1'", data: { lastname }, returnRepresentation: true });
    const made = await upsert("Made");
    const changed = await upsert("Changed");
    assert.equal(made.contactid, changed.contactid);
    assert.equal(changed.lastname, "Changed");
  },
  query: async () => {
    await create("query", { jobtitle: "A" });
    await create("query", { jobtitle: "B" });
    const found = await api.retrieveMultiple({
      collection, select: ["jobtitle", "statecode"], filter: `companyname eq '${company("query")}' and jobtitle ne 'A'`,
      expand: [{ property: "ownerid", select: ["fullname"] }], includeAnnotations: "*",
    });
    assert.deepEqual(found.value.map((row) => [row.jobtitle, row.statecode_Formatted]), [["B", "Open"]]);
    assert.equal(found.value[0].ownerid.fullname, "Integration User");
    assert.equal(await count("query"), 2);
  },
  paging: async () => {
    for (let n = 0; n < 5; n++) await create("paging");
    const filter = `companyname eq '${company("paging")}'`;
    const first = await api.retrieveMultiple({ collection, select: ["leadid"], filter, maxPageSize: 2, count: true });
    assert.equal(first.oDataCount, 5);
    assert.equal((await api.retrieveMultiple({ collection, maxPageSize: 2 }, first.oDataNextLink)).value.length, 2);
    const all = await api.retrieveAll({ collection, select: ["leadid"], filter, maxPageSize: 2 });
    assert.equal(new Set(all.value.map((row) => row.leadid)).size, 5);
  },
  "change tracking": async () => {
    const key = await create("changes");
    const first = await api.retrieveAll({ collection, select: ["lastname"], trackChanges: true, maxPageSize: 3 });
    await api.update({ collection, key, data: { lastname: "Moved" } });
    const next = await api.retrieveMultiple({ collection }, first["@odata.deltaLink"]);
    assert.deepEqual(next.value.map((row) => row.lastname), ["Moved"]);
    await api.deleteRecord({ collection, key });
    const last = await api.retrieveMultiple({ collection }, next.oDataDeltaLink);
    assert.deepEqual(last.value.map((row) => [row.id, row.reason]), [[key, "deleted"]]);
  },
  batch: async () => {
    api.startBatch();
    create("batch", {}).catch(() => {});
    count("batch").catch(() => {});
    api.retrieveMultiple({ collection, select: ["lastname"], top: 1 });
    const [key, , rows] = await api.executeBatch();
    assert.equal(rows.value.length, 1);
    assert.equal((await read(key, "companyname")).companyname, company("batch"));
  },
  "change sets": async () => {
    api.startBatch();
    api.create({ collection, data: { lastname: "Set" }, contentId: "1" });
    api.create({ collection: "tasks", data: { subject: "T", "regardingobjectid_lead_task@odata.bind": "$1" }, contentId: "2" });
    const [lead, task] = await api.executeBatch();
    const found = await api.retrieve({ collection: "tasks", key: task, select: ["_regardingobjectid_value"] });
    assert.equal(found._regardingobjectid_value, lead);

    api.startBatch();
    create("rollback");
    api.update({ collection, key: nobody, data: { jobtitle: "X" } });
    await assert.rejects(api.executeBatch());
    assert.equal(await count("rollback"), 0);
  },
  "multiple actions": async () => {
    const act = (actionName, rows) => {
      const Targets = rows.map((row) => ({ "@odata.type": "Microsoft.Dynamics.CRM.lead", ...row }));
      return api.callAction({ collection, actionName: `Microsoft.Dynamics.CRM.${actionName}`, action: { Targets } });
    };
    const { Ids } = await act("CreateMultiple", [{ lastname: "A" }, { lastname: "B" }]);
    await act("UpdateMultiple", Ids.map((leadid) => ({ leadid, jobtitle: "Both" })));
    await assert.rejects(act("UpdateMultiple", [{ leadid: Ids[0], jobtitle: "One" }, { leadid: nobody, jobtitle: "One" }]));
    assert.equal((await read(Ids[0], "jobtitle")).jobtitle, "Both");
  },
  metadata: async () => {
    const key = "LogicalName='lead'";
    assert.equal((await api.retrieveEntity({ key, select: ["EntitySetName"] })).EntitySetName, "leads");
    assert.equal((await api.retrieveEntities({ select: ["LogicalName"], filter: "LogicalName eq 'lead'" })).value.length, 1);
    const castType = "Microsoft.Dynamics.CRM.StatusAttributeMetadata";
    const column = await api.retrieveAttribute({
      entityKey: key, attributeKey: "LogicalName='statuscode'", castType, expand: [{ property: "OptionSet" }],
    });
    assert.equal(column.OptionSet.Options.length, 7);
    assert.match(await api.retrieveCsdlMetadata(), /EntitySet Name="leads"/);
  },
};

for (const [step, run] of Object.entries(steps)) {
  let problem = null;
  try {
    await run();
  } catch (error) {
    problem = `${error.status ?? ""} ${error.code ?? ""} ${error.message}`.trim();
  }
  console.log(JSON.stringify({ step, problem }));
}
