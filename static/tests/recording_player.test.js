import { contains, openFormView, openListView } from "@mail/../tests/mail_test_helpers";
import { describe, expect, test } from "@odoo/hoot";
import { advanceTime, press, queryAll, queryAllTexts, queryFirst } from "@odoo/hoot-dom";
import { animationFrame } from "@odoo/hoot-mock";
import {
    asyncStep,
    contains as web,
    getService,
    mountWithCleanup,
    onRpc,
    patchWithCleanup,
    waitForSteps,
} from "@web/../tests/web_test_helpers";
import { browser } from "@web/core/browser/browser";
import { localization } from "@web/core/l10n/localization";
import {
    defineZadarmaModels,
    makeCall,
    startWithExtension,
    waitForText,
} from "@zadarma/../tests/zadarma_test_helpers";
import { RecordingButton, RecordingPlayers } from "@zadarma/recording_button/recording_button";

import { Component, useState, xml } from "@odoo/owl";

describe.current.tags("desktop");
defineZadarmaModels();

const PLAYER = ".o_zadarma_player";
const TOGGLE = ".o_zadarma_player_toggle";
const SEEK = ".o_zadarma_player_seek";

/** @returns {Object} what the server tells of a recording that can be heard, unless told otherwise */
function makeRecording(values = {}) {
    return {
        id: 1,
        call_id: 7,
        state: "stored",
        error: false,
        url: "/zadarma/recording/1",
        download_url: false,
        duration: 0,
        transcript: false,
        transcript_error: false,
        can_transcribe: false,
        ...values,
    };
}

/** Let sounds play without a sound: what is asked of them takes a step, and their events are those of a browser. */
function mockSounds({ duration = 83, fails = false } = {}) {
    const state = new WeakMap();
    const of = (audio) => {
        if (!state.has(audio)) {
            state.set(audio, { paused: true, currentTime: 0, duration: NaN });
        }
        return state.get(audio);
    };
    const tell = (audio, ...names) => names.forEach((name) => audio.dispatchEvent(new Event(name)));
    patchWithCleanup(HTMLMediaElement.prototype, {
        get paused() {
            return of(this).paused;
        },
        get duration() {
            return of(this).duration;
        },
        get currentTime() {
            return of(this).currentTime;
        },
        set currentTime(seconds) {
            of(this).currentTime = seconds;
            tell(this, "timeupdate");
        },
        load() {},
        async play() {
            asyncStep(`play ${this.getAttribute("src")}`);
            of(this).paused = false;
            tell(this, "play");
            if (fails) {
                of(this).paused = true;
                tell(this, "error");
                throw new DOMException("no sound", "NotSupportedError");
            }
            of(this).duration = duration;
            tell(this, "durationchange", "playing");
        },
        pause() {
            if (!of(this).paused) {
                of(this).paused = true;
                tell(this, "pause");
            }
        },
    });
}

function mountPlayers(...recordings) {
    return mountWithCleanup(RecordingPlayers, { props: { recordings } });
}

test("nothing is loaded before somebody presses play, and an unknown length is no 0:00", async () => {
    mockSounds();
    await mountPlayers(makeRecording());
    expect("audio").toHaveAttribute("preload", "none");
    expect(".o_zadarma_player_total").toHaveText("–");
    expect(SEEK).not.toBeEnabled();
    await web(TOGGLE).click();
    await waitForSteps(["play /zadarma/recording/1"]);
    await animationFrame();
    expect(".o_zadarma_player_total").toHaveText("1:23");
    expect(SEEK).toBeEnabled();
    expect(TOGGLE).toHaveAttribute("aria-label", "Pause");
    await web(TOGGLE).click();
    expect(queryFirst("audio").paused).toBe(true);
    expect(TOGGLE).toHaveAttribute("aria-label", "Play");
});

test("a length that the file does not tell is taken from the call", async () => {
    mockSounds({ duration: Infinity });
    await mountPlayers(makeRecording({ duration: 42 }));
    expect(".o_zadarma_player_total").toHaveText("0:42");
    await web(TOGGLE).click();
    await waitForSteps(["play /zadarma/recording/1"]);
    expect(".o_zadarma_player_total").toHaveText("0:42");
});

test("the bar seeks, by mouse and by keyboard, and says where it is", async () => {
    mockSounds();
    await mountPlayers(makeRecording({ duration: 83 }));
    await web(SEEK).edit("30", { confirm: false });
    expect(queryFirst("audio").currentTime).toBe(30);
    expect(SEEK).toHaveAttribute("aria-valuetext", "0:30 of 1:23");
    queryFirst(SEEK).focus();
    for (const [key, seconds] of [
        ["ArrowRight", 35],
        ["ArrowLeft", 30],
        ["ArrowUp", 35],
        ["ArrowDown", 30],
    ]) {
        await press(key);
        expect(queryFirst("audio").currentTime).toBe(seconds);
    }
    for (let count = 0; count < 7; count++) {
        await press("ArrowLeft");
    }
    expect(queryFirst("audio").currentTime).toBe(0);
    await press("ArrowLeft");
    expect(queryFirst("audio").currentTime).toBe(0);
    await waitForSteps([]);
});

test("the space bar plays and pauses from the bar, the button is a button", async () => {
    mockSounds();
    await mountPlayers(makeRecording({ duration: 83 }));
    queryFirst(SEEK).focus();
    await press("Space");
    await waitForSteps(["play /zadarma/recording/1"]);
    await press("Space");
    expect(queryFirst("audio").paused).toBe(true);
    queryFirst(TOGGLE).focus();
    await press("Enter");
    await waitForSteps(["play /zadarma/recording/1"]);
    await press("ArrowRight");
    expect(queryFirst("audio").currentTime).toBe(5);
});

test("from right to left the left arrow goes on", async () => {
    mockSounds();
    await mountPlayers(makeRecording({ duration: 83 }));
    patchWithCleanup(localization, { direction: "rtl" });
    queryFirst(SEEK).focus();
    await press("ArrowLeft");
    expect(queryFirst("audio").currentTime).toBe(5);
});

test("one plays at a time", async () => {
    mockSounds();
    await mountPlayers(makeRecording(), makeRecording({ id: 2, url: "/zadarma/recording/2" }));
    const [first, second] = queryAll(TOGGLE);
    expect(queryAll(PLAYER).map((el) => el.getAttribute("aria-label"))).toEqual([
        "Recording 1 of 2",
        "Recording 2 of 2",
    ]);
    await web(first).click();
    await waitForSteps(["play /zadarma/recording/1"]);
    await web(second).click();
    await waitForSteps(["play /zadarma/recording/2"]);
    expect(queryAll("audio").map((audio) => audio.paused)).toEqual([true, false]);
});

test("the speed is kept in the browser and holds for all players", async () => {
    mockSounds();
    await mountPlayers(makeRecording(), makeRecording({ id: 2 }));
    await web(`${PLAYER}:first .o_zadarma_player_speed`).select("1.5");
    expect(browser.localStorage.getItem("zadarma.recording_speed")).toBe("1.5");
    await animationFrame();
    for (const audio of queryAll("audio")) {
        expect([audio.playbackRate, audio.defaultPlaybackRate]).toEqual([1.5, 1.5]);
    }
    for (const select of queryAll(".o_zadarma_player_speed")) {
        expect(select.value).toBe("1.5");
    }
});

test("a speed that was chosen before is used again, nonsense is not", async () => {
    browser.localStorage.setItem("zadarma.recording_speed", "2");
    await mountPlayers(makeRecording());
    expect(queryFirst("audio").playbackRate).toBe(2);
});

test("who may keep a copy has a link", async () => {
    await mountPlayers(
        makeRecording(),
        makeRecording({ id: 2, download_url: "/zadarma/recording/2?download=1" }),
    );
    expect(".o_zadarma_player_download").toHaveCount(1);
    expect(".o_zadarma_player_download").toHaveAttribute("href", "/zadarma/recording/2?download=1");
});

test("what is being fetched appears by itself", async () => {
    onRpc("zadarma.recording", "get_player_values", function playerValues({ args, parent }) {
        asyncStep(`look ${args[0]}`);
        return parent();
    });
    await mountPlayers(makeRecording({ state: "waiting", url: false }));
    expect(".o_zadarma_player_waiting").toHaveText("The recording is being fetched.");
    expect("audio").toHaveCount(0);
    onRpc("zadarma.recording", "get_player_values", () => {
        asyncStep("there");
        return [makeRecording()];
    });
    await advanceTime(5100);
    await waitForSteps(["there"]);
    await contains(TOGGLE);
    await advanceTime(120_000);
    await waitForSteps([]);
});

test("a fetch that failed says why and is tried again by a button", async () => {
    onRpc("zadarma.recording", "action_try_again", ({ args }) => asyncStep(`again ${args[0]}`));
    onRpc("zadarma.recording", "get_player_values", () => [makeRecording({ state: "waiting" })]);
    await mountPlayers(makeRecording({ state: "failed", error: "Zadarma has no such recording." }));
    expect(".o_zadarma_player_failed").toHaveText(/Zadarma has no such recording\./);
    await web(".o_zadarma_player_fetch").click();
    await waitForSteps(["again 1"]);
    await contains(".o_zadarma_player_waiting");
});

test("a recording that was removed says so", async () => {
    await mountPlayers(makeRecording({ state: "removed", url: false }));
    expect(".o_zadarma_player_removed").toHaveText("The recording was removed.");
    expect("button").toHaveCount(0);
});

test("what cannot be loaded is asked about: it may be gone, or it is tried again", async () => {
    mockSounds({ fails: true });
    let values = makeRecording();
    onRpc("zadarma.recording", "get_player_values", () => [values]);
    await mountPlayers(makeRecording());
    await web(TOGGLE).click();
    await waitForSteps(["play /zadarma/recording/1"]);
    await waitForText(".o_zadarma_player_problem", "could not be loaded");
    values = makeRecording({ state: "remote", error: "Zadarma could not be reached." });
    await web(".o_zadarma_player_again").click();
    await waitForSteps(["play /zadarma/recording/1"]);
    await waitForText(".o_zadarma_player_problem", "Zadarma could not be reached.");
    values = makeRecording({ state: "removed", url: false });
    await web(".o_zadarma_player_again").click();
    await waitForSteps(["play /zadarma/recording/1"]);
    await contains(".o_zadarma_player_removed");
    expect(".o_zadarma_player_problem").toHaveCount(0);
});

test("a player that goes stops", async () => {
    mockSounds();
    class Parent extends Component {
        static template = xml`<RecordingPlayers t-if="state.isShown" recordings="recordings"/>`;
        static components = { RecordingPlayers };
        static props = {};
        recordings = [makeRecording()];
        state = useState({ isShown: true });
    }
    const parent = await mountWithCleanup(Parent);
    await web(TOGGLE).click();
    await waitForSteps(["play /zadarma/recording/1"]);
    const audio = queryFirst("audio");
    parent.state.isShown = false;
    await animationFrame();
    expect(audio.paused).toBe(true);
    expect(audio).not.toHaveAttribute("src");
});

test("a button opens the player and plays the only recording", async () => {
    mockSounds();
    await mountWithCleanup(RecordingButton, { props: { recordings: [makeRecording()] } });
    expect(".o_zadarma_recording_button").toHaveAttribute("aria-label", "Play the recording");
    await web(".o_zadarma_recording_button").click();
    await waitForSteps(["play /zadarma/recording/1"]);
    await contains(`.o_popover ${PLAYER}`);
    const audio = queryFirst("audio");
    await press("Escape");
    await animationFrame();
    expect(".o_popover").toHaveCount(0);
    expect(audio.paused).toBe(true);
});

test("a button tells what there is to expect, and is not there for nothing", async () => {
    class Parent extends Component {
        static template = xml`
            <RecordingButton recordings="[make({ state: 'waiting' })]"/>
            <RecordingButton recordings="[make({ state: 'failed' }), make({ id: 2, state: 'removed' })]"/>
            <RecordingButton recordings="[make({ state: 'removed' })]"/>
            <RecordingButton recordings="false"/>`;
        static components = { RecordingButton };
        static props = {};
        make = makeRecording;
    }
    await mountWithCleanup(Parent);
    expect(queryAll("button").map((el) => el.getAttribute("aria-label"))).toEqual([
        "The recording is being fetched",
        "The recording could not be fetched",
    ]);
});

describe("places", () => {
    async function startWithCall(recordings) {
        const { notify, pyEnv } = await startWithExtension();
        const id = pyEnv["zadarma.call"].create({ name: "Call from Erika", player: recordings });
        return { id, notify, pyEnv };
    }

    test("a list plays without asking for each row and without opening the call", async () => {
        mockSounds();
        const { pyEnv } = await startWithCall([makeRecording()]);
        pyEnv["zadarma.call"].create([{ name: "Silent", player: false }, { name: "Quiet" }]);
        onRpc("zadarma.recording", "*", ({ method }) => asyncStep(method));
        await openListView("zadarma.call", {
            arch: `<list><field name="name"/><field name="player" widget="zadarma_recordings"/></list>`,
        });
        await contains(".o_data_row", { count: 3 });
        expect(".o_zadarma_recording_button").toHaveCount(1);
        queryFirst(".o_zadarma_recording_button").focus();
        await press("Enter");
        await waitForSteps(["play /zadarma/recording/1"]);
        await contains(`.o_popover ${PLAYER}`);
        expect(".o_list_view").toHaveCount(1);
    });

    test("a form has all recordings of the call", async () => {
        const { id } = await startWithCall([makeRecording(), makeRecording({ id: 2 })]);
        await openFormView("zadarma.call", id, {
            arch: `<form><field name="player" widget="zadarma_recordings"/></form>`,
        });
        await contains(PLAYER, { count: 2 });
    });

    test("the note of a call in the chatter has its player, other messages have none", async () => {
        const { pyEnv } = await startWithExtension();
        const partnerId = pyEnv["res.partner"].create({ name: "Erika" });
        const [callId] = pyEnv["mail.message"].create(
            ["answered a call", "something else"].map((body) => ({
                body,
                message_type: "notification",
                model: "res.partner",
                res_id: partnerId,
            })),
        );
        await openFormView("res.partner", partnerId, { arch: `<form><chatter/></form>` });
        await contains(".o-mail-Message", { count: 2 });
        expect(PLAYER).toHaveCount(0);
        getService("mail.store")["mail.message"].insert({
            id: callId,
            zadarma_recordings: [makeRecording()],
        });
        await contains(`.o-mail-Message:contains('answered a call') ${PLAYER}`);
        expect(PLAYER).toHaveCount(1);
    });

    test("the popup plays the last call of who is calling", async () => {
        mockSounds();
        const { notify } = await startWithExtension();
        const last_call = { ...makeCall().last_call, player: [makeRecording()] };
        notify(makeCall({ last_call }));
        await contains(".o_zadarma_call_card .o_zadarma_recording_button");
        expect(".o_zadarma_recording_button").toHaveAttribute("aria-expanded", "false");
        await web(".o_zadarma_recording_button").click();
        await waitForSteps(["play /zadarma/recording/1"]);
        // A popover would lie below the card.
        await contains(`.o_zadarma_call_card ${PLAYER}`);
        expect(".o_popover").toHaveCount(0);
        await web(".o_zadarma_recording_button").click();
        expect(PLAYER).toHaveCount(0);
    });
});

describe("transcript", () => {
    const LINES = [
        { start: 0.2, speaker: 1, text: "Good morning" },
        { start: 9.5, speaker: 2, text: "<b>Hello</b>" },
    ];

    function mockTranscript(lines = LINES) {
        onRpc("zadarma.recording", "get_transcript", ({ args }) => {
            asyncStep(`read ${args[0]}`);
            return lines;
        });
    }

    test("its lines come when asked for, and play from where they were said", async () => {
        mockSounds();
        mockTranscript();
        await mountPlayers(makeRecording({ duration: 83, transcript: "ready" }));
        await waitForSteps([]);
        await web(".o_zadarma_player_transcript").click();
        await waitForSteps(["read 1"]);
        await contains(".o_zadarma_transcript_line", { count: 2 });
        expect(queryAllTexts(".o_zadarma_transcript_line", { inline: true })).toEqual([
            "0:00 Speaker 1 Good morning",
            "0:09 Speaker 2 <b>Hello</b>",
        ]);
        await web(".o_zadarma_transcript_line:last").click();
        await waitForSteps(["play /zadarma/recording/1"]);
        expect(queryFirst("audio").currentTime).toBe(9.5);
        await animationFrame();
        expect(".o_zadarma_transcript_line:last").toHaveAttribute("aria-current", "true");
        expect(".o_zadarma_transcript_line:first").not.toHaveAttribute("aria-current");
    });

    test("it is asked for once, and appears by itself", async () => {
        mockTranscript();
        let transcript = "asked";
        onRpc("zadarma.recording", "action_transcribe", ({ args }) => asyncStep(`ask ${args[0]}`));
        onRpc("zadarma.recording", "get_player_values", () => [
            makeRecording({ transcript, can_transcribe: true }),
        ]);
        await mountPlayers(makeRecording({ can_transcribe: true }));
        await web(".o_zadarma_player_transcript").click();
        expect(".o_zadarma_transcript_ask").toHaveText("Ask for a transcript");
        queryFirst(".o_zadarma_transcript_ask").click();
        queryFirst(".o_zadarma_transcript_ask").click();
        await waitForSteps(["ask 1"]);
        await contains(".o_zadarma_transcript_waiting");
        transcript = "ready";
        await advanceTime(5100);
        await waitForSteps(["read 1"]);
        await contains(".o_zadarma_transcript_line", { count: 2 });
    });

    test("a failure says why and is tried again by a button", async () => {
        await mountPlayers(
            makeRecording({
                transcript: "failed",
                transcript_error: "Switch it on.",
                can_transcribe: true,
            }),
        );
        await web(".o_zadarma_player_transcript").click();
        expect(".o_zadarma_transcript_failed").toHaveText("Switch it on.");
        expect(".o_zadarma_transcript_ask").toHaveText("Try again");
    });

    test("where nothing was understood it says so", async () => {
        await mountPlayers(makeRecording({ transcript: "empty" }));
        await web(".o_zadarma_player_transcript").click();
        expect(".o_zadarma_transcript_empty").toHaveText(
            "Nothing was understood in this recording.",
        );
    });

    test("where there is none and none can be had, there is no button", async () => {
        await mountPlayers(makeRecording());
        expect(".o_zadarma_player_transcript").toHaveCount(0);
    });
});
