import { click, contains } from "@mail/../tests/mail_test_helpers";
import { describe, expect, test } from "@odoo/hoot";
import { advanceTime, edit, press, queryFirst } from "@odoo/hoot-dom";
import {
    asyncStep,
    contains as webContains,
    getService,
    makeServerError,
    mockService,
    onRpc,
    waitForSteps,
} from "@web/../tests/web_test_helpers";
import {
    defineZadarmaModels,
    makeAsked,
    makeCall,
    makeEnd,
    startWithExtension,
    waitForText,
} from "@zadarma/../tests/zadarma_test_helpers";

describe.current.tags("desktop");
defineZadarmaModels();

const PERSON = ".o_zadarma_person";

function makeLine(values = {}) {
    return {
        id: 11,
        res_model: "res.partner",
        res_id: 3,
        name: "Erika Muster",
        lead: "",
        company: "Muster GmbH",
        number: "+491701234567",
        number_display: "+49 170 1234567",
        country_name: "Germany",
        responsible: "Marc Demo",
        activity: { summary: "Ask for the order", note: "Since May" },
        about: "Likes tea",
        last_calls: [
            {
                id: 1,
                date: "2019-03-01 10:00:00",
                label: "Answered",
                user: "Marc Demo",
                outcome: "Interested",
                note: "Wants ten",
            },
        ],
        call: false,
        asked: makeAsked({ id: "line_11" }),
        ...values,
    };
}

function makePage(values = {}) {
    return {
        id: 2,
        name: "Trade fair",
        counts: { all: 4, todo: 3, done: 1, left_out: 2 },
        line: makeLine(),
        upcoming: [
            { id: 12, name: "Max" },
            { id: 13, name: "Anna" },
        ],
        waiting: {},
        ...values,
    };
}

const makeListedCall = (values = {}) => ({
    id: 7,
    state: "ended",
    result: "no_answer",
    label: "No answer",
    duration: 0,
    talking_seconds: false,
    is_request: true,
    stage: "",
    ...values,
});

/** Open the page; what the server answers can be changed in between by the test. */
async function openList(page = makePage()) {
    const server = { page };
    onRpc("zadarma.call.list", "action_take", ({ args }) => {
        asyncStep(`take ${args}`);
        return server.page;
    });
    onRpc("zadarma.call.list", "get_page", () => server.page);
    onRpc("zadarma.call.list.line", "*", ({ args, method }) => {
        asyncStep(`${method} ${JSON.stringify(args)}`);
        return true;
    });
    const started = await startWithExtension();
    await getService("action").doAction({
        type: "ir.actions.client",
        tag: "zadarma_call_list",
        context: { active_id: 2 },
    });
    await waitForSteps(["take 2"]);
    return { server, ...started };
}

/** Have the click on a number take a step. */
function stepCalls() {
    getService("zadarma_call").call = async (target) => {
        asyncStep(`call ${JSON.stringify(target)}`);
        return 7;
    };
}

test("the page shows whom to call, what is known, how far one is and who is next", async () => {
    await openList();
    await waitForText(`${PERSON} .o_zadarma_person_name`, "Erika Muster");
    await waitForText(PERSON, "Muster GmbH");
    await waitForText(`${PERSON} .o_zadarma_person_number`, "+49 170 1234567");
    await waitForText(".o_zadarma_progress", "1 of 4 done · 2 left out");
    await waitForText(".o_zadarma_person_facts", "Ask for the order");
    await waitForText(".o_zadarma_last_call", "Interested · Marc Demo");
    await waitForText(".o_zadarma_last_call", "Wants ten");
    await waitForText(".o_zadarma_person_facts", "Likes tea");
    await waitForText(".o_zadarma_upcoming", "Max · Anna");
});

test("one click calls, after the server said that nobody else does", async () => {
    await openList();
    stepCalls();
    await click(".o_zadarma_dial", { text: "Call" });
    const target = { number: "+491701234567", resModel: "res.partner", resId: 3 };
    await waitForSteps(["action_begin [[11]]", `call ${JSON.stringify(target)}`, "take 2"]);
});

test("who is somebody else's by now is not called", async () => {
    expect.errors(1);
    await openList();
    stepCalls();
    onRpc("zadarma.call.list.line", "action_begin", () => {
        throw makeServerError({ message: "Somebody else goes on" });
    });
    await click(".o_zadarma_dial");
    await waitForSteps(["take 2"]);
    await contains(".modal");
    expect.verifyErrors(["Somebody else goes on"]);
});

test("who could not be reached for a moment goes on where they were", async () => {
    expect.errors(1);
    const { server } = await openList();
    const { page } = server;
    Object.defineProperty(server, "page", {
        configurable: true,
        get() {
            throw makeServerError({ message: "down" });
        },
    });
    await click(".o_zadarma_skip");
    await waitForSteps(["action_skip [[11]]", "take 2"]);
    await contains(".modal");
    await click(".modal .btn-close");
    expect.verifyErrors(["down"]);
    Object.defineProperty(server, "page", { value: page });
    await click(".o_zadarma_skip");
    await waitForSteps(["action_skip [[11]]", "take 2"]);
});

test("the page follows the call, which gets no popup and no question of its own", async () => {
    const { notify, server } = await openList();
    server.page = makePage({
        line: makeLine({ call: makeListedCall({ state: "talking", talking_seconds: 41 }) }),
    });
    notify(makeCall({ direction: "outbound", state: "talking", talking_seconds: 41 }));
    await waitForText(".o_zadarma_listed_status", "Talking 0:41");
    await contains(".o_zadarma_dial.disabled[aria-disabled=true]");
    await contains(".o_zadarma_call_card", { count: 0 });
    server.page = makePage({
        line: makeLine({ call: makeListedCall({ label: "Answered", duration: 42 }) }),
    });
    notify(makeEnd({ asked: makeAsked() }));
    await waitForText(".o_zadarma_listed_status", "Answered · 0:42");
    await contains(".o_zadarma_dial:not(.disabled)", { text: "Call again" });
    await contains(".o_zadarma_outcome_card", { count: 0 });
});

test("whoever calls is told to pick up their own phone first", async () => {
    const call = makeListedCall({ state: "ringing", stage: "own" });
    const { notify, server } = await openList(makePage({ line: makeLine({ call }) }));
    await waitForText(".o_zadarma_listed_status", "Your phone rings");
    await waitForText(".o_zadarma_listed_hint", "Pick up your phone. Then Erika Muster is called.");
    expect(".o_zadarma_dial").toHaveText("Call");
    server.page = makePage({
        line: makeLine({ call: makeListedCall({ state: "ringing", stage: "other" }) }),
    });
    notify(makeCall({ direction: "outbound", is_request: true, stage: "other" }));
    await waitForText(".o_zadarma_listed_status", "Ringing");
    expect(".o_zadarma_listed_hint").toHaveCount(0);
});

test("a call whose end was not heard of is looked up", async () => {
    const call = makeListedCall({ state: "ringing" });
    const { server } = await openList(makePage({ line: makeLine({ call }) }));
    await waitForText(".o_zadarma_listed_status", "Calling");
    server.page = makePage({ line: makeLine({ call: makeListedCall() }) });
    await advanceTime(10_000);
    await waitForText(".o_zadarma_listed_status", "No answer");
});

test("outcome and next person take two keys", async () => {
    const { server } = await openList(makePage({ line: makeLine({ call: makeListedCall() }) }));
    await press(["alt", "shift", "2"]);
    await contains(".o_zadarma_outcomes button[aria-pressed=true]", { text: "Wrong number" });
    server.page = makePage({
        line: makeLine({ id: 12, name: "Max", asked: makeAsked({ id: "line_12" }) }),
    });
    await press(["alt", "n"]);
    await waitForSteps(['action_finish [[11],2,"",false]', "take 2"]);
    await waitForText(`${PERSON} .o_zadarma_person_name`, "Max");
    await contains(".o_zadarma_outcomes button[aria-pressed=true]", { count: 0 });
});

test("the keyboard goes on to the next person, and to the end", async () => {
    const { server } = await openList(makePage({ line: makeLine({ call: makeListedCall() }) }));
    queryFirst(".o_zadarma_outcome_save").focus();
    server.page = makePage({
        line: makeLine({ id: 12, call: makeListedCall(), asked: makeAsked({ id: "line_12" }) }),
    });
    await press("Enter");
    await waitForSteps(['action_finish [[11],false,"",false]', "take 2"]);
    await contains(`${PERSON}:focus`);
    await advanceTime(100);
    queryFirst(".o_zadarma_outcome_save").focus();
    server.page = makePage({ line: false, counts: { all: 4, todo: 0, done: 4, left_out: 0 } });
    await press("Enter");
    await waitForSteps(['action_finish [[12],false,"",false]', "take 2"]);
    await contains(".o_zadarma_list_end:focus");
});

test("while one calls the button is there for the keyboard, and calls nobody", async () => {
    const call = makeListedCall({ state: "ringing" });
    await openList(makePage({ line: makeLine({ call }) }));
    stepCalls();
    queryFirst(".o_zadarma_dial").focus();
    await press("Enter");
    await advanceTime(100);
    await waitForSteps([]);
    expect(".o_zadarma_dial").toBeFocused();
});

test("without call and outcome there is no next, but skip and later", async () => {
    await openList();
    await contains(".o_zadarma_outcome_save:disabled");
    await click(".o_zadarma_skip");
    await waitForSteps(["action_skip [[11]]", "take 2"]);
    await advanceTime(100);
    await click(".o_zadarma_postpone:enabled");
    await click(".o-dropdown-item", { text: "In an hour" });
    await waitForSteps(["action_postpone [[11],1]", "take 2"]);
    await advanceTime(100);
    await click(".o_zadarma_postpone:enabled");
    await click(".o-dropdown-item", { text: "Tomorrow" });
    await waitForSteps(["action_postpone [[11],false]", "take 2"]);
});

test("what was typed is there after a reload and gone with the next person", async () => {
    const { server } = await openList();
    await webContains(".o_zadarma_outcome_note").click();
    await edit("Half a sen");
    const { outcomes } = getService("zadarma_call");
    expect(outcomes.readDraft("line_11").note).toBe("Half a sen");
    server.page = makePage({ line: makeLine({ id: 12, asked: makeAsked({ id: "line_12" }) }) });
    await click(".o_zadarma_outcome_save:enabled");
    await waitForSteps(['action_finish [[11],false,"Half a sen",false]', "take 2"]);
    await contains(`${PERSON}[data-line-id="12"]`);
    expect(outcomes.readDraft("line_11")).toBe(undefined);
    expect(".o_zadarma_outcome_note").toHaveValue("");
});

test("an outcome given in another tab brings the next person", async () => {
    const { server, notify } = await openList();
    const next = makePage({ line: makeLine({ id: 12, name: "Max" }) });
    server.page = makePage({ line: false, waiting: { taken: 0, postponed: 0, next: false } });
    onRpc("zadarma.call.list", "action_take", () => next);
    notify(makeEnd({ id: 99 }));
    await waitForText(`${PERSON} .o_zadarma_person_name`, "Max");
});

test("at the end it says so, and who was left out", async () => {
    const counts = { all: 4, todo: 0, done: 4, left_out: 2 };
    await openList(makePage({ counts, line: false, upcoming: [] }));
    await waitForText(".o_zadarma_list_end", "That was the last one");
    await waitForText(".o_zadarma_list_end", "4 of 4 done · 2 left out");
    await contains(".o_zadarma_list_end button", { text: "Who was left out, and why?" });
});

test("while others are called and some were put off it says so", async () => {
    const waiting = { taken: 1, postponed: 2, next: "2019-03-11 10:30:00" };
    await openList(makePage({ line: false, upcoming: [], waiting }));
    await waitForText(".o_zadarma_list_end", "Colleagues are calling 1.");
    await waitForText(".o_zadarma_list_end", "Put off: 2");
    await click(".o_zadarma_list_end button", { text: "Look again" });
    await waitForSteps(["take 2"]);
});

test("who stops gives the person back", async () => {
    await openList();
    mockService("action", { doAction: (action) => asyncStep(action) });
    await click(".o_zadarma_stop");
    await waitForSteps(["action_stop [[11]]", "zadarma.zadarma_call_list_action"]);
});
