import { click, contains } from "@mail/../tests/mail_test_helpers";
import { describe, expect, test } from "@odoo/hoot";
import { advanceTime, edit, press, queryFirst, queryValue } from "@odoo/hoot-dom";
import { mockDate } from "@odoo/hoot-mock";
import {
    asyncStep,
    contains as webContains,
    getService,
    makeServerError,
    onRpc,
    waitForSteps,
} from "@web/../tests/web_test_helpers";
import { browser } from "@web/core/browser/browser";
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

const CARD = ".o_zadarma_call_card";
const QUESTION = ".o_zadarma_outcome_card";

/** Have whatever is saved or put aside take a step. */
function stepAnswers() {
    onRpc("zadarma.call", "action_save_outcome", ({ args }) => asyncStep(JSON.stringify(args)));
    onRpc("zadarma.call", "action_waive_outcome", ({ args }) => asyncStep(`waive ${args}`));
}

async function type(text) {
    await webContains(`${QUESTION} .o_zadarma_outcome_note`).click();
    await edit(text);
}

test("the question takes the place of the call's popup when it ends", async () => {
    const { notify } = await startWithExtension();
    notify(makeCall({ state: "talking", talking_seconds: 42 }));
    await contains(CARD);
    notify(makeEnd({ asked: makeAsked() }));
    await contains(QUESTION);
    await contains(CARD, { count: 0 });
    await waitForText(`${QUESTION} .o_zadarma_outcome_title`, "Erika Muster");
    await waitForText(QUESTION, "0:42");
    await contains(`${QUESTION} .o_zadarma_outcomes button`, { count: 2 });
});

test("a call that nobody asks about leaves nothing", async () => {
    const { notify } = await startWithExtension();
    notify(makeCall());
    await contains(CARD);
    notify(makeEnd());
    await contains(CARD, { count: 0 });
    expect(".o_zadarma_call_popup").toHaveCount(0);
});

test("outcome, note and next step are saved in one go", async () => {
    mockDate("2026-11-24 10:00:00");
    stepAnswers();
    await startWithExtension({ popupState: { asked: [makeAsked()] } });
    await contains(`${QUESTION} .o_zadarma_outcome_save:disabled`);
    await click(`${QUESTION} button`, { text: "Interested" });
    await contains(`${QUESTION} button[aria-pressed=true]`, { text: "Interested" });
    await type("Wants ten");
    await click(`${QUESTION} button`, { text: "In 3 days" });
    await click(`${QUESTION} .o_zadarma_outcome_save:enabled`);
    await waitForSteps([JSON.stringify([[7], 1, "Wants ten", "2026-11-27"])]);
    await contains(QUESTION, { count: 0 });
});

test("one click chooses tomorrow or next week's Monday, another click takes it back", async () => {
    mockDate("2026-11-28 10:00:00");
    stepAnswers();
    await startWithExtension({ popupState: { asked: [makeAsked()] } });
    await click(`${QUESTION} button`, { text: "Next week" });
    await contains(`${QUESTION} button[aria-pressed=true][title*='November 30']`);
    await click(`${QUESTION} button`, { text: "Next week" });
    await contains(`${QUESTION} button[aria-pressed=true]`, { count: 0 });
    await click(`${QUESTION} button`, { text: "Tomorrow" });
    await click(`${QUESTION} .o_zadarma_outcome_save:enabled`);
    await waitForSteps([JSON.stringify([[7], false, "", "2026-11-29"])]);
});

test("two clicks save once", async () => {
    stepAnswers();
    await startWithExtension({ popupState: { asked: [makeAsked({ outcome_id: 1 })] } });
    await contains(`${QUESTION} .o_zadarma_outcome_save:enabled`);
    const button = queryFirst(`${QUESTION} .o_zadarma_outcome_save`);
    button.click();
    button.click();
    await contains(QUESTION, { count: 0 });
    await waitForSteps([JSON.stringify([[7], 1, "", false])]);
});

test("what could not be saved stays in the form", async () => {
    expect.errors(1);
    onRpc("zadarma.call", "action_save_outcome", () => {
        throw makeServerError({ message: "down" });
    });
    await startWithExtension({ popupState: { asked: [makeAsked()] } });
    await contains(QUESTION);
    await type("Wants ten");
    await click(`${QUESTION} .o_zadarma_outcome_save:enabled`);
    await contains(".modal");
    expect(queryValue(`${QUESTION} .o_zadarma_outcome_note`)).toBe("Wants ten");
    expect.verifyErrors(["down"]);
});

test("what was typed survives a reload", async () => {
    const { pyEnv } = await startWithExtension({ popupState: { asked: [makeAsked()] } });
    await contains(QUESTION);
    await type("Wants ten");
    await click(`${QUESTION} button`, { text: "Interested" });
    const service = getService("zadarma_call");
    // A reload knows only what the server asks for and what this browser keeps.
    service.clear();
    await contains(QUESTION, { count: 0 });
    pyEnv["zadarma.call"].popupState.asked = [makeAsked()];
    await service.read();
    await contains(`${QUESTION} button[aria-pressed=true]`, { text: "Interested" });
    expect(queryValue(`${QUESTION} .o_zadarma_outcome_note`)).toBe("Wants ten");
});

test("the question can be put aside, and stays so in this and other tabs", async () => {
    stepAnswers();
    const { notify } = await startWithExtension({ popupState: { asked: [makeAsked()] } });
    await click(`${QUESTION} .o_zadarma_outcome_waive`);
    await contains(QUESTION, { count: 0 });
    await waitForSteps(["waive 7"]);
    notify(makeEnd({ sent_at: Date.now() / 1000 - 20, asked: makeAsked() }));
    await advanceTime(100);
    expect(QUESTION).toHaveCount(0);
});

test("an answer given elsewhere closes the question", async () => {
    const { pyEnv } = await startWithExtension({ popupState: { asked: [makeAsked()] } });
    await contains(QUESTION);
    const [partner] = pyEnv["res.partner"].search_read([["id", "=", pyEnv.user.partner_id]]);
    pyEnv["bus.bus"]._sendone(partner, "zadarma.call/outcome", { id: 7 });
    await contains(QUESTION, { count: 0 });
});

test("of several questions one is open, and they do not pile up", async () => {
    const asked = [5, 6, 7, 8].map((id) => makeAsked({ id, title: `Caller ${id}` }));
    await startWithExtension({ popupState: { asked } });
    await contains(QUESTION, { count: 3 });
    await contains(`${QUESTION} .o_zadarma_outcome_form`);
    await contains(`${QUESTION}[data-call-id="8"] .o_zadarma_outcome_form`);
    await click(`${QUESTION}[data-call-id="6"] .o_zadarma_outcome_toggle`);
    await contains(`${QUESTION}[data-call-id="6"] .o_zadarma_outcome_form`);
    await contains(`${QUESTION} .o_zadarma_outcome_form`);
});

test("a question takes no focus, and none opens over the one that is being answered", async () => {
    const { notify } = await startWithExtension({ popupState: { asked: [makeAsked()] } });
    await contains(QUESTION);
    await type("Wants");
    notify(makeCall({ id: 8, state: "talking", talking_seconds: 3 }));
    await contains(CARD);
    notify(makeEnd({ id: 8, asked: makeAsked({ id: 8, title: "Max" }) }));
    await contains(QUESTION, { count: 2 });
    expect(`${QUESTION}[data-call-id="7"] .o_zadarma_outcome_note`).toBeFocused();
    await contains(`${QUESTION} .o_zadarma_outcome_form`);
});

test("the keyboard answers alone and goes back to where it came from", async () => {
    stepAnswers();
    await startWithExtension({ popupState: { asked: [makeAsked()] } });
    await contains(QUESTION);
    const input = document.createElement("input");
    queryFirst(".o_action_manager").append(input);
    input.focus();
    await press(["alt", "shift", "p"]);
    expect(QUESTION).toBeFocused();
    queryFirst(`${QUESTION} .o_zadarma_outcome_note`).focus();
    await edit("By keyboard");
    await press(["ctrl", "Enter"]);
    await contains(QUESTION, { count: 0 });
    await waitForSteps([JSON.stringify([[7], false, "By keyboard", false])]);
    expect(input).toBeFocused();
});

test("saving and putting aside by keyboard go back, too", async () => {
    stepAnswers();
    const asked = [makeAsked(), makeAsked({ id: 6, title: "Max" })];
    await startWithExtension({ popupState: { asked } });
    await contains(QUESTION, { count: 2 });
    const input = document.createElement("input");
    queryFirst(".o_action_manager").append(input);
    input.focus();
    await press(["alt", "shift", "p"]);
    queryFirst(`${QUESTION} .o_zadarma_outcome_waive`).focus();
    await press("Enter");
    await waitForSteps(["waive 6"]);
    await contains(QUESTION);
    expect(QUESTION).toBeFocused();
    await click(`${QUESTION} button`, { text: "Interested" });
    await contains(`${QUESTION} .o_zadarma_outcome_save:enabled`);
    queryFirst(`${QUESTION} .o_zadarma_outcome_save`).focus();
    await press("Enter");
    await waitForSteps([JSON.stringify([[7], 1, "", false])]);
    await contains(QUESTION, { count: 0 });
    expect(input).toBeFocused();
});

test("Escape closes the calendar first, then the question", async () => {
    await startWithExtension({ popupState: { asked: [makeAsked()] } });
    await click(`${QUESTION} .o_zadarma_next_date input`);
    await contains(".o_datetime_picker");
    await press("Escape");
    await contains(".o_datetime_picker", { count: 0 });
    await contains(`${QUESTION} .o_zadarma_outcome_form`);
    await press("Escape");
    await contains(`${QUESTION} .o_zadarma_outcome_form`, { count: 0 });
});

test("what one user typed does not wait in the browser for the next", async () => {
    const answer = { outcomeId: false, note: "Between us", nextDate: false };
    const drafts = { owner: "another user", drafts: { 7: { at: Date.now(), answer } } };
    browser.localStorage.setItem("zadarma.outcome_drafts", JSON.stringify(drafts));
    await startWithExtension({ popupState: { asked: [makeAsked()] } });
    await contains(QUESTION);
    expect(`${QUESTION} .o_zadarma_outcome_note`).toHaveValue("");
    expect(browser.localStorage.getItem("zadarma.outcome_drafts")).toBe(null);
});

test("data is text, whatever it contains", async () => {
    const attack = `<img src=x onerror="throw new Error('markup')"> %s {{7*7}} 📞`;
    const asked = makeAsked({ title: attack.repeat(50), outcomes: [{ id: 1, name: attack }] });
    await startWithExtension({ popupState: { asked: [asked] } });
    await waitForText(`${QUESTION} .o_zadarma_outcomes`, attack);
    expect(`${QUESTION} img`).toHaveCount(0);
    const { scrollWidth, clientWidth } = queryFirst(QUESTION);
    expect(scrollWidth).toBeLessThan(clientWidth + 1);
});
