// The second script of a stand-in for the provider's web telephone: a box that rings, and whose buttons answer and hang
// up. It has the real one's function and knows its two errors.
window.zadarmaWidgetFn = (key, sip, shape, language, show, style) => {
    const standIn = window.zadarmaStandIn;
    if (!standIn) {
        throw new Error("loader-phone-lib.js is to be loaded first");
    }
    standIn.starts = (standIn.starts ?? 0) + 1;
    const box = document.createElement("div");
    box.id = "zadarma-stand-in";
    Object.assign(box.style, {
        position: "fixed",
        zIndex: 2147483000,
        padding: "8px 12px",
        borderRadius: shape === "rounded" ? "24px" : "2px",
        background: "#2b3a4a",
        color: "#fff",
        font: "13px sans-serif",
        ...(typeof style === "string" ? {} : style),
    });
    box.hidden = !show;
    const title = document.createElement("span");
    const buttons = document.createElement("span");
    box.append(title, buttons);
    document.body.append(box);

    const paint = ({ state, number, error }) => {
        const painted = [state, number, error].join(" ");
        if (box.dataset.painted === painted) {
            return;
        }
        box.dataset.painted = painted;
        box.dataset.state = error ? "error" : state;
        title.textContent = error || `☎ ${sip} ${state} ${number}`.trim();
        buttons.textContent = "";
        const offered = {
            ringing: { answer: "Accept", hang_up: "Decline" },
            talking: { hang_up: "Hang up" },
        };
        for (const [what, label] of Object.entries(offered[state] ?? {})) {
            const button = document.createElement("button");
            button.textContent = label;
            button.dataset.action = what;
            button.style.marginInlineStart = "8px";
            button.onclick = () => standIn.ask(what, { key, sip });
            buttons.append(button);
        }
    };
    const look = async () => {
        try {
            const answer = await standIn.ask("state", { key, sip });
            paint(answer);
            if (answer.error) {
                return;
            }
        } catch {
            paint({ state: "offline", number: "" });
        }
        setTimeout(look, 300);
    };
    paint({ state: "registering", number: "" });
    look();
};
