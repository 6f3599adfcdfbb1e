import { reactive } from "@odoo/owl";

import { browser } from "@web/core/browser/browser";
import { registry } from "@web/core/registry";

export const SPEEDS = [0.75, 1, 1.25, 1.5, 2];
const SPEED_KEY = "zadarma.recording_speed";

/** @returns {number} the speed that was last chosen in this browser */
function readSpeed() {
    const speed = Number(browser.localStorage.getItem(SPEED_KEY));
    return SPEEDS.includes(speed) ? speed : 1;
}

/** What the players of a page share: one plays at a time, and all play at the chosen speed. */
export const playerService = {
    start() {
        let playing = null;
        const state = reactive({ speed: readSpeed() });
        return {
            state,

            /** @param {number} speed one of `SPEEDS`; kept in this browser */
            setSpeed(speed) {
                state.speed = speed;
                browser.localStorage.setItem(SPEED_KEY, speed);
            },

            /** Let a sound be the one that plays. @param {HTMLAudioElement} audio */
            take(audio) {
                if (playing !== audio) {
                    playing?.pause();
                    playing = audio;
                }
            },

            /** @param {HTMLAudioElement} audio which is taken off the page */
            release(audio) {
                if (playing === audio) {
                    playing = null;
                }
            },
        };
    },
};

registry.category("services").add("zadarma_player", playerService);
