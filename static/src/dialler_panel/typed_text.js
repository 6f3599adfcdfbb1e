/** What may be a number when it is pasted among words. */
const NUMBER = /[+(]*\p{Nd}[\p{Nd}\s()./\-\u2010-\u2015]{4,}\p{Nd}/gu;
const SCHEME = /^(?:tel|callto|sips?):/i;

/** @returns {boolean} whether people who type this mean a number and no name */
export function isNumber(text) {
    return /\p{Nd}/u.test(text) && !/\p{L}/u.test(text);
}

/**
 * Return what was meant by a pasted text: the number in it if there is one, otherwise the text.
 *
 * @param {string} text such as `tel:+49-30-1234` or `Anna, phone +49 30 1234`
 */
export function cleanPasted(text) {
    // Marks of direction come along from address books.
    let cleaned = text.replace(/\p{Cf}/gu, "").trim();
    if (SCHEME.test(cleaned)) {
        cleaned = decode(cleaned.replace(SCHEME, "")).split(/[;?@]/)[0];
    }
    if (/\p{L}/u.test(cleaned)) {
        const numbers = cleaned.match(NUMBER) ?? [];
        cleaned = numbers.length === 1 ? numbers[0] : cleaned;
    }
    return cleaned.replace(/\s+/g, " ").trim();
}

function decode(text) {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
}
