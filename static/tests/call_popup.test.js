import { click, contains } from "@mail/../tests/mail_test_helpers";
import { describe, expect, test } from "@odoo/hoot";
import { advanceTime, animationFrame, press, queryFirst } from "@odoo/hoot-dom";
import { getService, onRpc, waitForSteps } from "@web/../tests/web_test_helpers";
import { ConfirmationDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import {
    defineZadarmaModels,
    makeCall,
    makeEnd,
    makeUnknownCall,
    startWithExtension,
    stepActions,
    waitForText,
} from "@zadarma/../tests/zadarma_test_helpers";

describe.current.tags("desktop");
defineZadarmaModels();

const CARD = ".o_zadarma_call_card";

test("a ringing call shows who is calling and what is known about them", async () => {
    const { notify } = await startWithExtension();
    notify(makeCall({ ringing_seconds: 4 }));
    await waitForText(`${CARD} .o_zadarma_call_status`, "Incoming call");
    await waitForText(`${CARD} .o_zadarma_call_timer`, "0:04");
    await waitForText(`${CARD} .o_zadarma_call_title`, "Erika Muster");
    await waitForText(`${CARD} .o_zadarma_call_company`, "Muster GmbH");
    await waitForText(`${CARD} .o_zadarma_call_number`, "+49 170 1234567");
    await waitForText(`${CARD} .o_zadarma_call_country`, "Germany");
    await waitForText(`${CARD} .o_zadarma_call_own_number`, "Sales · +48 22 123 45 67");
    await waitForText(`${CARD} .o_zadarma_call_responsible`, "Marc Demo");
    await waitForText(`${CARD} .o_zadarma_call_deal`, "Forty desksProposition · € 1,200.00");
    await waitForText(`${CARD} .o_zadarma_call_last`, "Answered · Marc Demo");
});

test("over a dialog a call is told of in few words, until one goes there", async () => {
    const { notify } = await startWithExtension();
    getService("dialog").add(ConfirmationDialog, { body: "Sure?", cancel: () => {} });
    await contains(".modal");
    notify(makeCall());
    await waitForText(`${CARD} .o_zadarma_call_title`, "Erika Muster");
    expect(`${CARD} .o_zadarma_call_facts`).not.toBeVisible();
    expect(`${CARD} .o_zadarma_call_actions`).not.toBeVisible();
    await press(["alt", "shift", "p"]);
    expect(`${CARD} .o_zadarma_call_facts`).toBeVisible();
    expect(`${CARD} .o_zadarma_call_actions`).toBeVisible();
});

test("the timer runs when the call is answered", async () => {
    const { notify } = await startWithExtension();
    notify(makeCall());
    await waitForText(`${CARD} .o_zadarma_call_status`, "Incoming call");
    notify(makeCall({ revision: 2, state: "talking", talking_seconds: 41 }));
    await waitForText(`${CARD} .o_zadarma_call_status`, "Talking");
    await waitForText(`${CARD} .o_zadarma_call_timer`, "0:41");
    await advanceTime(60_000);
    await waitForText(`${CARD} .o_zadarma_call_timer`, "1:4");
    notify(makeCall({ revision: 3, state: "talking", talking_seconds: 3723 }));
    await waitForText(`${CARD} .o_zadarma_call_timer`, "1:02:03");
});

test("a call answered by a colleague says so and is gone within two seconds", async () => {
    const { notify } = await startWithExtension();
    notify(makeCall());
    await contains(CARD);
    notify(makeEnd({ reason: "answered_elsewhere", by: "Anna" }));
    await waitForText(`${CARD} .o_zadarma_call_status`, "Answered by Anna");
    await waitForText(`${CARD} .o_zadarma_call_title`, "Erika Muster");
    expect(`${CARD} .o_zadarma_call_timer`).toHaveCount(0);
    await advanceTime(1000);
    await contains(CARD, { count: 0 });
});

test("the popup closes when a call ends", async () => {
    const { notify } = await startWithExtension();
    notify(makeCall({ state: "talking", talking_seconds: 5 }));
    await contains(CARD);
    notify(makeEnd());
    await contains(CARD, { count: 0 });
});

test("data is text, whatever it contains", async () => {
    const attack = `<img src=x onerror="throw new Error('markup')"> %s {{7*7}} 📞`;
    const { notify } = await startWithExtension();
    notify(
        makeCall({
            partner: { id: 3, name: attack, company: attack + "x".repeat(5000) },
            responsible: attack,
            deals: [{ id: 5, name: attack, stage: attack, amount: attack }],
            own_number: { number: attack, name: attack },
        }),
    );
    await waitForText(`${CARD} .o_zadarma_call_title`, attack);
    expect(`${CARD} img`).toHaveCount(0);
    const { scrollWidth, clientWidth } = queryFirst(CARD);
    expect(scrollWidth).toBeLessThan(clientWidth + 1);
    notify(makeEnd({ reason: "answered_elsewhere", by: attack }));
    await waitForText(`${CARD} .o_zadarma_call_status`, `Answered by ${attack}`);
    expect(`${CARD} img`).toHaveCount(0);
});

test("an unknown caller can become a contact or a lead", async () => {
    stepActions();
    const { notify } = await startWithExtension();
    notify(makeUnknownCall());
    await waitForText(`${CARD} .o_zadarma_call_title`, "+49 170 1234567");
    expect(`${CARD} .o_zadarma_call_open`).toHaveCount(0);
    await click(`${CARD} button`, { text: "New contact" });
    await waitForSteps(["new contact 7"]);
    await animationFrame();
    await click(`${CARD} button:enabled`, { text: "New lead" });
    await waitForSteps(["new lead 7"]);
});

test("a caller can be blocked, where that is possible", async () => {
    stepActions();
    const { notify } = await startWithExtension();
    notify(makeUnknownCall());
    await click(`${CARD} .o_zadarma_call_block`);
    await waitForSteps(["block 7"]);
    notify(makeUnknownCall({ can_block: false, revision: 2 }));
    await contains(`${CARD} .o_zadarma_call_block`, { count: 0 });
});

test("a withheld number offers no record to create", async () => {
    const { notify } = await startWithExtension();
    notify(makeUnknownCall({ can_create: false, number: "", number_display: "", withheld: true }));
    await waitForText(`${CARD} .o_zadarma_call_title`, "Withheld number");
    expect(`${CARD} .btn-primary`).toHaveCount(0);
});

test("of several contacts with the number people choose one", async () => {
    const matches = [
        { id: 3, name: "Erika Muster", company: "Muster GmbH" },
        { id: 4, name: "Max Muster", company: "" },
    ];
    const { notify, pyEnv } = await startWithExtension();
    pyEnv["zadarma.call"].chosenCall = makeCall({ revision: 2 });
    notify(makeUnknownCall({ can_create: false, matches, matches_count: 5 }));
    await contains(`${CARD} .o_zadarma_call_matches button`, { count: 2 });
    await waitForText(`${CARD} .o_zadarma_call_matches`, "and 3 more");
    onRpc("action_choose_partner", ({ args }) => {
        expect(args).toEqual([[7], 3]);
    });
    await click(`${CARD} .o_zadarma_call_matches button`, { text: "Erika MusterMuster GmbH" });
    await waitForText(`${CARD} .o_zadarma_call_title`, "Erika Muster");
    await contains(`${CARD} .o_zadarma_call_matches`, { count: 0 });
});

test("the record and the deals of a known caller open", async () => {
    stepActions();
    const { notify } = await startWithExtension();
    notify(makeCall());
    await click(`${CARD} button`, { text: "Open" });
    await waitForSteps(["record 7"]);
    await click(`${CARD} .o_zadarma_call_deal`);
    await waitForSteps(["crm.lead 5"]);
});

test("several calls stack in one popup", async () => {
    const { notify } = await startWithExtension();
    notify(makeCall());
    notify(makeUnknownCall({ id: 8 }));
    await contains(".o_zadarma_call_popup");
    await contains(CARD, { count: 2 });
    notify(makeEnd({ id: 7 }));
    await contains(CARD);
    await waitForText(`${CARD} .o_zadarma_call_title`, "+49 170 1234567");
});

test("a call out shows whom one calls and from which number", async () => {
    const { notify } = await startWithExtension();
    notify(makeCall({ direction: "outbound" }));
    await waitForText(`${CARD} .o_zadarma_call_status`, "Calling …");
    await waitForText(`${CARD} dt`, "From");
    expect(".o_zadarma_call_popup [aria-live]").toHaveText("");
    notify(makeCall({ direction: "outbound", revision: 2, state: "talking", talking_seconds: 0 }));
    await waitForText(`${CARD} .o_zadarma_call_status`, "Talking");
});

test("a call by a click says whose phone rings, and then why nobody was reached", async () => {
    const { notify } = await startWithExtension();
    const request = { direction: "outbound", is_request: true };
    notify(makeCall({ ...request, stage: "own" }));
    await waitForText(`${CARD} .o_zadarma_call_status`, "Your phone rings");
    await waitForText(
        `${CARD} .o_zadarma_call_hint`,
        "Pick up your phone. Then Erika Muster is called.",
    );
    expect(`${CARD} .o_zadarma_call_check`).toHaveCount(0);
    onRpc("zadarma.call", "action_check_phone", () => "No phone is connected.");
    await advanceTime(7000);
    await click(`${CARD} .o_zadarma_call_check`);
    await waitForText(`${CARD} .o_zadarma_call_phone`, "No phone is connected.");
    notify(makeCall({ ...request, revision: 2, stage: "other" }));
    await waitForText(`${CARD} .o_zadarma_call_status`, "Ringing");
    await contains(`${CARD} .o_zadarma_call_hint`, { count: 0 });
    notify(makeEnd({ why: "Busy", outcome: "busy", duration: 0 }));
    await waitForText(`${CARD} .o_zadarma_call_status`, "Nobody reached");
    await waitForText(`${CARD} .o_zadarma_call_hint`, "Busy");
    await advanceTime(5000);
    await contains(CARD, { count: 0 });
});

test("a talk that ended says how long it was", async () => {
    const { notify } = await startWithExtension();
    notify(makeCall({ direction: "outbound", state: "talking", talking_seconds: 41 }));
    await waitForText(`${CARD} .o_zadarma_call_status`, "Talking");
    notify(makeEnd({ why: "Call ended", outcome: "answered", duration: 42 }));
    await waitForText(`${CARD} .o_zadarma_call_status`, "Call ended");
    await waitForText(`${CARD} .o_zadarma_call_talked`, "0:42");
});

test("the close button hides one call, also after a reload", async () => {
    const { notify, pyEnv } = await startWithExtension();
    notify(makeCall());
    notify(makeUnknownCall({ id: 8 }));
    await click(`${CARD}[data-call-id="7"] .btn-close`);
    await contains(CARD);
    pyEnv["zadarma.call"].popupState.calls = [makeCall(), makeUnknownCall({ id: 8 })];
    await getService("zadarma_call").read();
    notify(makeCall({ revision: 2, state: "talking", talking_seconds: 1 }));
    await advanceTime(100);
    await contains(CARD);
    await contains(`${CARD}[data-call-id="8"]`);
});

test("the keyboard reaches the popup and leaves it, and the call takes no focus", async () => {
    const { notify } = await startWithExtension();
    const input = document.createElement("input");
    queryFirst(".o_action_manager").append(input);
    input.focus();
    notify(makeCall());
    await contains(CARD);
    expect(input).toBeFocused();
    await press(["alt", "shift", "p"]);
    expect(CARD).toBeFocused();
    await press("Escape");
    await contains(CARD, { count: 0 });
    expect(input).toBeFocused();
});

test("a card that goes by itself gives the focus to the next one, and back in the end", async () => {
    const { notify } = await startWithExtension();
    const input = document.createElement("input");
    queryFirst(".o_action_manager").append(input);
    input.focus();
    notify(makeUnknownCall({ id: 8 }));
    notify(makeCall());
    await contains(CARD, { count: 2 });
    await press(["alt", "shift", "p"]);
    queryFirst(`${CARD}[data-call-id="7"] .o_zadarma_call_open`).focus();
    notify(makeEnd());
    await contains(CARD);
    expect(`${CARD}[data-call-id="8"]`).toBeFocused();
    notify(makeEnd({ id: 8 }));
    await contains(CARD, { count: 0 });
    expect(input).toBeFocused();
});

test("a button that is done with leaves the focus on its card", async () => {
    onRpc("zadarma.call", "action_check_phone", () => "No phone is connected.");
    const { notify } = await startWithExtension();
    notify(makeCall({ direction: "outbound", is_request: true, stage: "own" }));
    await contains(CARD);
    await advanceTime(7000);
    await contains(`${CARD} .o_zadarma_call_check`);
    queryFirst(`${CARD} .o_zadarma_call_check`).focus();
    await press("Enter");
    await waitForText(`${CARD} .o_zadarma_call_phone`, "No phone is connected.");
    expect(CARD).toBeFocused();
});

test("a screen reader says once who is calling", async () => {
    const { notify } = await startWithExtension();
    const spoken = ".o_zadarma_call_popup [aria-live=assertive]";
    notify(makeCall());
    await waitForText(spoken, "Erika Muster, Muster GmbH, +49 170 1234567.");
    notify(makeUnknownCall({ id: 8, withheld: true }));
    await waitForText(spoken, "Incoming call: withheld number.");
    notify(makeCall({ revision: 2 }));
    await advanceTime(100);
    await waitForText(spoken, "Incoming call: withheld number.");
});
