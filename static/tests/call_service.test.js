import { contains } from "@mail/../tests/mail_test_helpers";
import { WEBSOCKET_CLOSE_CODES } from "@bus/workers/websocket_worker";
import { describe, expect, test } from "@odoo/hoot";
import {
    advanceTime,
    animationFrame,
    manuallyDispatchProgrammaticEvent,
    queryFirst,
} from "@odoo/hoot-dom";
import {
    asyncStep,
    getService,
    makeServerError,
    mockService,
    onRpc,
    serverState,
    waitForSteps,
} from "@web/../tests/web_test_helpers";
import {
    defineZadarmaModels,
    disconnect,
    makeCall,
    makeEnd,
    makeUnknownCall,
    notifyMissed,
    startWithExtension,
    stepReads,
    stepSounds,
    waitForText,
} from "@zadarma/../tests/zadarma_test_helpers";

describe.current.tags("desktop");
defineZadarmaModels();

const CARD = ".o_zadarma_call_card";

/** Wait until a message on its way has surely arrived, for tests that nothing follows. */
const settle = () => advanceTime(100);

/** @returns {Promise<number>} the seconds that the timer of a call shows */
async function readTimer(callId) {
    const timer = `${CARD}[data-call-id="${callId}"] .o_zadarma_call_timer`;
    await waitForText(timer, ":");
    const [minutes, seconds] = queryFirst(timer).textContent.split(":").map(Number);
    return 60 * minutes + seconds;
}

test("calls that ring or talk at the start are shown", async () => {
    const before = Date.now();
    await startWithExtension({
        popupState: {
            calls: [
                makeCall({ state: "talking", talking_seconds: 65 }),
                makeUnknownCall({ id: 8, ringing_seconds: 12 }),
            ],
        },
    });
    const [talking, ringing] = [await readTimer(7), await readTimer(8)];
    // The web client may have taken seconds to start; the timers know, and never lag.
    const passed = (Date.now() - before) / 1000;
    expect(talking).toBeWithin(65, 65 + passed);
    expect(ringing).toBeWithin(12, 12 + passed);
});

test("a message older than half a minute opens nothing, by the server's clock", async () => {
    const { notify, pyEnv } = await startWithExtension();
    const hourAhead = Date.now() / 1000 + 3600;
    pyEnv["zadarma.call"].popupState.now = hourAhead;
    await getService("zadarma_call").read();
    await advanceTime(40_000);
    notify(makeCall({ sent_at: hourAhead + 9 }));
    await settle();
    expect(CARD).toHaveCount(0);
    notify(makeCall({ id: 8, sent_at: hourAhead + 20 }));
    await waitForText(`${CARD} .o_zadarma_call_timer`, "0:20");
});

test("what the bus replays from before the last read opens nothing", async () => {
    const { notify, pyEnv } = await startWithExtension();
    stepReads();
    const now = Date.now() / 1000;
    notify(makeCall({ sent_at: now - 20 }));
    notify(makeCall({ id: 8, sent_at: now - 20 }));
    notify(makeEnd({ id: 8, sent_at: now - 15, revision: 2, reason: "answered_elsewhere" }));
    await settle();
    expect(CARD).toHaveCount(0);
    await waitForSteps([]);
    // What was written down at that very moment may have been missed by it.
    pyEnv["zadarma.call"].popupState.calls = [makeCall({ id: 9 })];
    notify(makeCall({ id: 9, sent_at: now - 1 }));
    await contains(`${CARD}[data-call-id="9"]`);
    await waitForSteps(["read"]);
});

test("an old message still closes a popup", async () => {
    const { notify } = await startWithExtension();
    notify(makeCall());
    await contains(CARD);
    notify(makeEnd({ sent_at: Date.now() / 1000 - 3600 }));
    await contains(CARD, { count: 0 });
});

test("a message that was overtaken changes nothing", async () => {
    const { notify } = await startWithExtension();
    notify(makeCall({ revision: 3, state: "talking", talking_seconds: 1 }));
    await waitForText(`${CARD} .o_zadarma_call_status`, "Talking");
    notify(makeCall({ revision: 2 }));
    await settle();
    await contains(CARD);
    await waitForText(`${CARD} .o_zadarma_call_status`, "Talking");
    notify(makeEnd({ revision: 4 }));
    await contains(CARD, { count: 0 });
    notify(makeCall({ revision: 3, state: "talking", talking_seconds: 1 }));
    await settle();
    await contains(CARD, { count: 0 });
});

test("after a lost connection the calls are read again, and those that ended are dropped", async () => {
    const { env, notify, pyEnv } = await startWithExtension();
    notify(makeCall());
    await contains(CARD);
    pyEnv["zadarma.call"].popupState.calls = [makeUnknownCall({ id: 8 })];
    stepReads();
    await disconnect({ env, pyEnv });
    await advanceTime(3000);
    await waitForSteps(["read"]);
    await contains(`${CARD}[data-call-id="8"]`);
    await contains(CARD);
    // The bus may replay what was missed.
    notify(makeCall());
    await settle();
    await contains(CARD);
});

test("calls that rang and ended while the connection was lost stay closed", async () => {
    stepSounds();
    const { notify } = await startWithExtension();
    for (let id = 1; id <= 40; id++) {
        const sent_at = Date.now() / 1000 - 7200 + id;
        notify(makeCall({ id, sent_at }));
        notify(makeEnd({ id, sent_at, reason: "missed" }));
    }
    await contains(".o_zadarma_dialler");
    expect(".o_zadarma_missed_count").toHaveCount(0);
    expect(CARD).toHaveCount(0);
    await waitForSteps([]);
});

test("a call that began during a read is not dropped by it", async () => {
    const { notify } = await startWithExtension();
    onRpc("zadarma.call", "get_popup_state", async ({ parent }) => {
        const state = await parent();
        notify(makeCall());
        await settle();
        return state;
    });
    await getService("zadarma_call").read();
    await settle();
    await contains(CARD);
});

test("without connection the state is read every ten seconds, with it never", async () => {
    let reads = 0;
    onRpc("zadarma.call", "get_popup_state", () => void reads++);
    const { env, pyEnv } = await startWithExtension();
    await advanceTime(600_000);
    expect(reads).toBe(1);
    const { bus_service } = env.services;
    bus_service.trigger("BUS:DISCONNECT", { code: WEBSOCKET_CLOSE_CODES.ABNORMAL_CLOSURE });
    pyEnv["zadarma.call"].popupState.calls = [makeCall()];
    await advanceTime(6000);
    bus_service.trigger("BUS:WORKER_STATE_UPDATED", "CONNECTING");
    bus_service.trigger("BUS:WORKER_STATE_UPDATED", "DISCONNECTED");
    await advanceTime(4000);
    await contains(CARD);
    await contains(".o_zadarma_delayed");
    expect(reads).toBe(2);
    await advanceTime(10_000);
    expect(reads).toBe(3);
    bus_service.trigger("BUS:RECONNECT");
    await contains(".o_zadarma_dialler");
    await contains(".o_zadarma_delayed", { count: 0 });
    expect(reads).toBe(4);
});

test("coming back to the tab or online reads the state", async () => {
    stepReads();
    const { env } = await startWithExtension();
    await waitForSteps(["read"]);
    await advanceTime(60_000);
    await manuallyDispatchProgrammaticEvent(document, "visibilitychange");
    await env.services.zadarma_call.reading;
    await waitForSteps(["read"]);
    await manuallyDispatchProgrammaticEvent(document, "visibilitychange");
    await manuallyDispatchProgrammaticEvent(window, "online");
    await waitForSteps(["read"]);
});

test("a lost message does not leave a popup for ever", async () => {
    const { notify } = await startWithExtension();
    notify(makeCall());
    await contains(CARD);
    await advanceTime(121_000);
    await contains(CARD, { count: 0 });
});

test("who has no extension gets nothing and asks nothing more", async () => {
    stepReads();
    await startWithExtension({ popupState: { enabled: false } });
    await waitForSteps(["read"]);
    await advanceTime(60_000);
    await manuallyDispatchProgrammaticEvent(document, "visibilitychange");
    await manuallyDispatchProgrammaticEvent(window, "online");
    await waitForSteps([]);
    expect(".o_zadarma_dialler").toHaveCount(0);
});

test("who may not read calls has a web client that works", async () => {
    onRpc("zadarma.call", "get_popup_state", () => {
        throw makeServerError({ type: "AccessError" });
    });
    await startWithExtension();
    await contains(".o_navbar");
    await contains(".o_error_dialog", { count: 0 });
    await contains(".o_zadarma_dialler", { count: 0 });
});

test("who wants no popup sees and hears nothing", async () => {
    stepSounds();
    const { notify } = await startWithExtension({ popupState: { popup: false } });
    notify(makeCall());
    await advanceTime(1000);
    await contains(".o_zadarma_dialler");
    expect(CARD).toHaveCount(0);
    await waitForSteps([]);
});

test("it rings once a call, and stops when the call is answered", async () => {
    stepSounds();
    const { notify, pyEnv } = await startWithExtension();
    notify(makeCall());
    await advanceTime(300);
    await waitForSteps(["play call-invitation"]);
    notify(makeCall({ revision: 2 }));
    await advanceTime(300);
    pyEnv["zadarma.call"].popupState.calls = [makeCall({ revision: 2 })];
    await getService("zadarma_call").read();
    await advanceTime(300);
    await waitForSteps([]);
    notify(makeCall({ revision: 3, state: "talking", talking_seconds: 0 }));
    await waitForSteps(["stop call-invitation"]);
    // A second call does not ring into the conversation.
    notify(makeCall({ id: 8 }));
    await contains(CARD, { count: 2 });
    await advanceTime(300);
    expect.verifySteps([]);
});

test("it rings for nobody who does not want it, nor for calls out", async () => {
    stepSounds();
    const { notify, pyEnv } = await startWithExtension();
    notify(makeCall({ direction: "outbound" }));
    await contains(CARD);
    await advanceTime(300);
    notify(makeEnd());
    await contains(CARD, { count: 0 });
    pyEnv["zadarma.call"].popupState.sound = false;
    await getService("zadarma_call").read();
    notify(makeCall({ id: 8 }));
    await contains(CARD);
    await advanceTime(300);
    expect.verifySteps([]);
});

test("whoever does not want to be disturbed sees their own calls alone, from the next moment on", async () => {
    const { notify, pyEnv } = await startWithExtension();
    notify(makeCall());
    await contains(CARD);
    pyEnv["zadarma.call"].popupState.dnd = true;
    pyEnv["zadarma.call"].popupState.calls = [makeCall()];
    const [partner] = pyEnv["res.partner"].read(serverState.partnerId);
    pyEnv["bus.bus"]._sendone(partner, "zadarma.preferences", {});
    await contains(CARD, { count: 0 });
    notify(makeCall({ id: 8, direction: "outbound" }));
    await contains(`${CARD}[data-call-id="8"]`);
    notifyMissed(pyEnv, 1, Date.now() / 1000);
    await waitForText(".o_zadarma_missed_count", "1");
});

test("it does not ring during a Discuss call", async () => {
    stepSounds();
    const { env, notify } = await startWithExtension();
    env.services["discuss.rtc"] = { channel: { id: 1 } };
    notify(makeCall());
    await contains(CARD);
    await advanceTime(300);
    expect.verifySteps([]);
});

test("the callers who wait are counted, and opened by a click", async () => {
    mockService("action", { doAction: ({ name }) => asyncStep(name) });
    const { pyEnv } = await startWithExtension({ popupState: { missed: 2 } });
    const count = (missed, age) => notifyMissed(pyEnv, missed, Date.now() / 1000 - age);
    await waitForText(".o_zadarma_missed_count", "2");
    count(3, 0);
    await waitForText(".o_zadarma_missed_count", "3");
    await contains(".o_zadarma_dialler[aria-label='Missed calls: 3']");
    // A count from before the last one, replayed by the bus.
    count(1, 60);
    await settle();
    await waitForText(".o_zadarma_missed_count", "3");
    await contains(".o_zadarma_dialler");
    document.querySelector(".o_zadarma_dialler").click();
    await waitForSteps(["missed calls"]);
    count(0, 0);
    await contains(".o_zadarma_missed_count", { count: 0 });
});

test("an expired session takes all data off the page and leaves Odoo's prompt", async () => {
    expect.errors(1);
    const { env, notify, pyEnv } = await startWithExtension({ popupState: { missed: 2 } });
    notify(makeCall());
    await contains(CARD);
    onRpc("zadarma.call", "get_popup_state", () => {
        throw makeServerError({ errorName: "odoo.http.SessionExpiredException" });
    });
    await disconnect({ env, pyEnv }, WEBSOCKET_CLOSE_CODES.SESSION_EXPIRED);
    await animationFrame();
    expect(CARD).toHaveCount(0);
    await waitForText(".o_dialog", "Your Odoo session expired");
    await contains(CARD, { count: 0 });
    await contains(".o_zadarma_dialler", { count: 0 });
    await advanceTime(30_000);
    await contains(".o_dialog");
    expect.verifyErrors(["RPC_ERROR"]);
});

test("a session that expired in another request closes the popups too", async () => {
    expect.errors(1);
    const { notify } = await startWithExtension();
    notify(makeCall());
    await contains(CARD);
    onRpc("res.partner", "read", () => {
        throw makeServerError({ errorName: "odoo.http.SessionExpiredException" });
    });
    getService("orm").read("res.partner", [1], ["name"]);
    await contains(CARD, { count: 0 });
    expect.verifyErrors(["RPC_ERROR"]);
});
