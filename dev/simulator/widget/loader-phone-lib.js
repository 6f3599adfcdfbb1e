// The first script of a stand-in for the provider's web telephone: what its second one needs.
// Nothing of it is the provider's own.
window.zadarmaStandIn = {
    loads: (window.zadarmaStandIn?.loads ?? 0) + 1,
    origin: new URL(document.currentScript.src).origin,

    /** Ask the simulated provider, as a registered web telephone. */
    async ask(what, parameters) {
        const query = new URLSearchParams({ ...parameters, domain: location.hostname });
        const response = await fetch(`${this.origin}/webphone/${what}?${query}`);
        return response.json();
    },
};
