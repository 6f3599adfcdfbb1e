import { useEffect } from "@odoo/owl";

import { browser } from "@web/core/browser/browser";

const FIRST_PAUSE = 5000;
const LAST_PAUSE = 60000;

/**
 * Looks again and again whether something is there, less often each time, as long as the component waits for it.
 *
 * @param {() => boolean} isWaiting
 * @param {() => Promise<void>} look
 */
export function usePatience(isWaiting, look) {
    useEffect(
        (waits) => {
            let pause = FIRST_PAUSE;
            let timeout = null;
            const wait = () => {
                timeout = browser.setTimeout(async () => {
                    pause = Math.min(pause * 2, LAST_PAUSE);
                    await look();
                    if (timeout) {
                        wait();
                    }
                }, pause);
            };
            if (waits) {
                wait();
            }
            return () => {
                browser.clearTimeout(timeout);
                timeout = null;
            };
        },
        () => [isWaiting()],
    );
}
