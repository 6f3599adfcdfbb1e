import { contains, start } from "@mail/../tests/mail_test_helpers";
import { beforeEach, describe, expect, test } from "@odoo/hoot";
import { advanceTime, waitUntil } from "@odoo/hoot-dom";
import {
    defineZadarmaModels,
    makeCall,
    startWithExtension,
} from "@zadarma/../tests/zadarma_test_helpers";
import { TabElection } from "@zadarma/call_service/tab_election";

import { browser } from "@web/core/browser/browser";

describe.current.tags("desktop");
defineZadarmaModels();

/** All tabs of these tests live in one window: its storage events reach them all. */
function openTab({ visible = true } = {}) {
    const tab = { visible };
    tab.election = new TabElection({ onChange: () => {}, isVisible: () => tab.visible });
    return tab;
}

const elected = (...tabs) => tabs.map(({ election }) => election.isElected);

beforeEach(() => browser.localStorage.removeItem("zadarma.popup_tab"));

test("of several tabs that all believe to be visible the last one opened is elected", () => {
    const tabs = [openTab(), openTab(), openTab()];
    expect(elected(...tabs)).toEqual([false, false, true]);
});

test("a tab opened in the background does not take over", () => {
    const tabs = [openTab(), openTab({ visible: false })];
    expect(elected(...tabs)).toEqual([true, false]);
});

test("the tab one looks at takes over from the one that was hidden", () => {
    const [first, second] = [openTab({ visible: false }), openTab()];
    second.visible = false;
    second.election.onVisibilityChange();
    expect(elected(first, second)).toEqual([false, true]);
    first.visible = true;
    first.election.onVisibilityChange();
    expect(elected(first, second)).toEqual([true, false]);
});

test("when the elected tab hides, another visible one takes over at once", () => {
    const [first, second] = [openTab(), openTab()];
    second.visible = false;
    second.election.onVisibilityChange();
    expect(elected(first, second)).toEqual([true, false]);
});

test("when the elected tab is closed, another one takes over", async () => {
    const [first, second, third] = [openTab(), openTab(), openTab({ visible: false })];
    second.election.resign();
    expect(elected(first, second, third)).toEqual([true, false, false]);
    first.visible = false;
    first.election.resign();
    await advanceTime(500);
    expect(elected(first, second, third)).toEqual([false, false, true]);
});

test("while it matters, an elected tab that went silent is replaced", async () => {
    const [first, second] = [openTab(), openTab()];
    first.election.watch(true);
    second.election.watch(true);
    await advanceTime(10_000);
    expect(elected(first, second)).toEqual([false, true]);
    // The second tab crashes.
    browser.clearInterval(second.election.interval);
    await advanceTime(3000);
    expect(elected(first, second)).toEqual([true, false]);
});

test("without calls nothing is written", async () => {
    openTab();
    const record = browser.localStorage.getItem("zadarma.popup_tab");
    await advanceTime(60_000);
    expect(browser.localStorage.getItem("zadarma.popup_tab")).toBe(record);
});

test("a browser shows one popup, however many tabs it has", async () => {
    const { env: first, notify } = await startWithExtension({ asTab: true });
    const second = await start({ asTab: true });
    await waitUntil(() => second.services.zadarma_call.election, { timeout: 3000 });
    notify(makeCall());
    await contains(".o_zadarma_call_card", { target: second.target });
    await advanceTime(5000);
    await contains(".o_zadarma_call_card");
    second.services.zadarma_call.election.resign();
    await contains(".o_zadarma_call_card", { target: first.target });
    await contains(".o_zadarma_call_card");
});
