import { WEBSOCKET_CLOSE_CODES } from "@bus/workers/websocket_worker";
import { crmModels } from "@crm/../tests/crm_test_helpers";
import { start, startServer } from "@mail/../tests/mail_test_helpers";
import { expect } from "@odoo/hoot";
import { queryFirst, waitUntil } from "@odoo/hoot-dom";
import { Deferred } from "@odoo/hoot-mock";
import {
    asyncStep,
    defineModels,
    mockService,
    onRpc,
    serverState,
} from "@web/../tests/web_test_helpers";
import { ZadarmaCall } from "@zadarma/../tests/mock_server/mock_models/zadarma_call";
import { ZadarmaDialler } from "@zadarma/../tests/mock_server/mock_models/zadarma_dialler";
import { ZadarmaRecording } from "@zadarma/../tests/mock_server/mock_models/zadarma_recording";
import { ZadarmaWebphone } from "@zadarma/../tests/mock_server/mock_models/zadarma_webphone";

export function defineZadarmaModels() {
    return defineModels({
        ...crmModels,
        ZadarmaCall,
        ZadarmaDialler,
        ZadarmaRecording,
        ZadarmaWebphone,
    });
}

/** @returns {Object} what the server tells of a call that rings, from a known contact unless told otherwise */
export function makeCall(values = {}) {
    return {
        id: 7,
        revision: 1,
        sent_at: Date.now() / 1000,
        state: "ringing",
        direction: "inbound",
        number: "+491701234567",
        number_display: "+49 170 1234567",
        withheld: false,
        country: "DE",
        country_name: "Germany",
        own_number: { number: "+48 22 123 45 67", name: "Sales" },
        partner: { id: 3, name: "Erika Muster", company: "Muster GmbH" },
        lead: false,
        matches: [],
        matches_count: 0,
        responsible: "Marc Demo",
        deals: [{ id: 5, name: "Forty desks", stage: "Proposition", amount: "€ 1,200.00" }],
        last_call: { date: "2019-03-01 10:00:00", label: "Answered", user: "Marc Demo" },
        ringing_seconds: 0,
        talking_seconds: false,
        can_block: true,
        can_create: false,
        reason: "",
        by: "",
        ...values,
    };
}

/** @returns {Object} the same, from a number that nobody has */
export function makeUnknownCall(values = {}) {
    const nobody = { partner: false, responsible: "", deals: [], last_call: false };
    return makeCall({ ...nobody, can_create: true, ...values });
}

/** @returns {Object} the end of a call, which the server sends without the facts */
export function makeEnd(values = {}) {
    const sent_at = Date.now() / 1000;
    return { id: 7, revision: 9, sent_at, state: "ended", reason: "ended", by: "", ...values };
}

/** @returns {Object} what the server tells of a call whose outcome it asks for */
export function makeAsked(values = {}) {
    return {
        id: 7,
        title: "Erika Muster",
        direction: "inbound",
        duration: 42,
        outcomes: [
            { id: 1, name: "Interested" },
            { id: 2, name: "Wrong number" },
        ],
        outcome_id: false,
        note: "",
        next_date: false,
        ...values,
    };
}

/** Wait for a text, also for one that changes in place, which mail's `contains` does not see. */
export async function waitForText(selector, text) {
    await waitUntil(() => queryFirst(selector)?.textContent.includes(text), {
        message: `no "${text}" in ${selector}`,
        timeout: 3000,
    });
    expect(queryFirst(selector).textContent).toInclude(text);
}

/** Start a web client whose user has an extension. */
export async function startWithExtension({ popupState = {}, ...options } = {}) {
    const pyEnv = await startServer();
    Object.assign(pyEnv["zadarma.call"].popupState, popupState);
    const env = await start(options);
    const { bus, reading } = env.services.zadarma_call;
    await reading;
    await waitUntil(() => bus.workerState === "CONNECTED", { timeout: 3000 });
    return { env, pyEnv, notify: (call) => notify(pyEnv, call) };
}

/** Cut the connection of the bus, which connects again by itself. */
export async function disconnect({ env, pyEnv }, code = WEBSOCKET_CLOSE_CODES.ABNORMAL_CLOSURE) {
    const disconnected = new Deferred();
    env.services.bus_service.addEventListener("BUS:DISCONNECT", () => disconnected.resolve());
    pyEnv["bus.bus"]._simulateDisconnection(code);
    await disconnected;
}

/** Send a message about a call on the user's own channel. */
export function notify(pyEnv, call) {
    const [partner] = pyEnv["res.partner"].read(serverState.partnerId);
    pyEnv["bus.bus"]._sendone(partner, "zadarma.call", call);
}

/** Send the user how many callers wait. */
export function notifyMissed(pyEnv, missed, sent_at) {
    const [partner] = pyEnv["res.partner"].read(serverState.partnerId);
    pyEnv["bus.bus"]._sendone(partner, "zadarma.missed", { missed, sent_at });
}

/** Have every read of the state take a step. */
export function stepReads() {
    onRpc("zadarma.call", "get_popup_state", () => asyncStep("read"));
}

/** Have the ring take a step when it starts and when it stops. */
export function stepSounds() {
    mockService("mail.sound_effects", {
        play: (name) => asyncStep(`play ${name}`),
        stop: (name) => asyncStep(`stop ${name}`),
    });
}

/** Have every action that is opened take a step. */
export function stepActions() {
    mockService("action", {
        doAction: ({ name, res_id, res_model }) =>
            asyncStep([name ?? res_model, res_id].filter(Boolean).join(" ")),
    });
}
