import { formatDuration } from "@zadarma/duration_field/duration_field";
import { usePatience } from "@zadarma/player_service/patience_hook";
import { SPEEDS } from "@zadarma/player_service/player_service";
import { Transcript } from "@zadarma/transcript/transcript";

import {
    Component,
    onMounted,
    onWillUnmount,
    onWillUpdateProps,
    useEffect,
    useRef,
    useState,
} from "@odoo/owl";

import { localization } from "@web/core/l10n/localization";
import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";
import { formatFloat } from "@web/core/utils/numbers";

/** Seconds that an arrow key moves. */
const STEP = 5;

/**
 * Plays a recording, or says why it cannot. Nothing is loaded before somebody presses Play.
 *
 * What is known of the recording comes with the props, and is asked for anew where it may have changed: while it is
 * being fetched, and when it could not be played.
 */
export class RecordingPlayer extends Component {
    static template = "zadarma.RecordingPlayer";
    static components = { Transcript };
    static props = {
        recording: Object,
        label: { type: String, optional: true },
        autoplay: { type: Boolean, optional: true },
    };

    setup() {
        this.orm = useService("orm");
        this.playerService = useService("zadarma_player");
        this.shared = useState(this.playerService.state);
        this.audio = useRef("audio");
        this.speeds = SPEEDS;
        this.state = useState({
            recording: this.props.recording,
            elapsed: 0,
            total: 0,
            isPlaying: false,
            isLoading: false,
            isBusy: false,
            problem: "",
            isTranscriptOpen: false,
        });
        onWillUpdateProps(({ recording }) => {
            if (recording !== this.props.recording) {
                this.state.recording = recording;
            }
        });
        useEffect(
            (el, speed) => {
                if (el) {
                    // The element goes back to its default speed whenever it loads.
                    el.defaultPlaybackRate = el.playbackRate = speed;
                }
            },
            () => [this.audio.el, this.shared.speed],
        );
        usePatience(
            () => this.recording.state === "waiting",
            () => this.refresh(),
        );
        onMounted(() => this.props.autoplay && this.isPlayable && this.play());
        onWillUnmount(() => this.stop());
    }

    // --- what is shown --- //

    get recording() {
        return this.state.recording;
    }

    get isPlayable() {
        return ["remote", "stored"].includes(this.recording.state);
    }

    /** @returns {number} seconds; 0 as long as that is not known */
    get total() {
        return this.state.total || this.recording.duration || 0;
    }

    get elapsedText() {
        return formatDuration(this.state.elapsed);
    }

    get totalText() {
        return this.total ? formatDuration(Math.round(this.total)) : "–";
    }

    get valueText() {
        return this.total
            ? _t("%(elapsed)s of %(total)s", { elapsed: this.elapsedText, total: this.totalText })
            : this.elapsedText;
    }

    get label() {
        return this.props.label || _t("Recording");
    }

    get playLabel() {
        return this.state.isPlaying ? _t("Pause") : _t("Play");
    }

    get failedText() {
        return this.recording.error || _t("The recording could not be fetched.");
    }

    /** @returns {boolean} whether there is a transcript, or there may be one */
    get hasTranscript() {
        return Boolean(this.recording.transcript || this.recording.can_transcribe);
    }

    formatSpeed(speed) {
        return _t("%(speed)s×", { speed: formatFloat(speed, { trailingZeros: false }) });
    }

    toggleTranscript() {
        this.state.isTranscriptOpen = !this.state.isTranscriptOpen;
    }

    // --- playing --- //

    toggle() {
        return this.state.isPlaying ? this.audio.el.pause() : this.play();
    }

    async play() {
        const { el } = this.audio;
        this.state.problem = "";
        this.playerService.take(el);
        try {
            await el.play();
        } catch (error) {
            // Paused or taken away before it began; what could not be loaded is told by its own event.
            if (error.name === "NotAllowedError") {
                this.state.isLoading = false;
            }
        }
    }

    /** @param {number} seconds from the start */
    seek(seconds) {
        const { el } = this.audio;
        const target = Math.min(Math.max(seconds, 0), this.total || seconds);
        // Before anything is loaded this is where it will begin.
        el.currentTime = target;
        this.state.elapsed = target;
    }

    onSeek(ev) {
        this.seek(Number(ev.target.value));
    }

    onSpeed(ev) {
        this.playerService.setSpeed(Number(ev.target.value));
    }

    /** @param {number} seconds a line of the transcript begins */
    playFrom(seconds) {
        this.seek(seconds);
        return this.play();
    }

    /** Stop loading as well as playing. */
    stop() {
        const { el } = this.audio;
        if (el) {
            el.pause();
            this.playerService.release(el);
            el.removeAttribute("src");
            el.load();
        }
    }

    // --- the sound's own events --- //

    onPlay() {
        // Also a key on somebody's headset plays and pauses.
        this.playerService.take(this.audio.el);
        Object.assign(this.state, { isPlaying: true, isLoading: true });
    }

    onPause() {
        Object.assign(this.state, { isPlaying: false, isLoading: false });
    }

    onWaiting() {
        this.state.isLoading = true;
    }

    onPlaying() {
        this.state.isLoading = false;
    }

    onTimeUpdate() {
        this.state.elapsed = this.audio.el.currentTime;
    }

    onDurationChange() {
        const { duration } = this.audio.el;
        this.state.total = Number.isFinite(duration) ? duration : 0;
    }

    async onError() {
        Object.assign(this.state, { isPlaying: false, isLoading: false });
        await this.refresh();
        if (this.isPlayable) {
            this.state.problem = this.recording.error || _t("The recording could not be loaded.");
        }
    }

    // --- keyboard --- //

    onKeydown(ev) {
        if (
            !this.isPlayable ||
            ev.ctrlKey ||
            ev.metaKey ||
            ev.altKey ||
            ev.target.matches("select, a")
        ) {
            return;
        }
        const forward = localization.direction === "rtl" ? "ArrowLeft" : "ArrowRight";
        const isOnBar = ev.target.matches("input");
        if (ev.key === " " && isOnBar) {
            this.toggle();
        } else if (["ArrowRight", "ArrowLeft"].includes(ev.key)) {
            this.seek(this.audio.el.currentTime + (ev.key === forward ? STEP : -STEP));
        } else if (isOnBar && ["ArrowUp", "ArrowDown"].includes(ev.key)) {
            this.seek(this.audio.el.currentTime + (ev.key === "ArrowUp" ? STEP : -STEP));
        } else {
            if ([" ", "Enter"].includes(ev.key)) {
                // The button's own click follows; a list would open the row instead.
                ev.stopPropagation();
            }
            return;
        }
        ev.preventDefault();
        ev.stopPropagation();
    }

    // --- the server --- //

    /** Ask what has become of the recording. */
    async refresh() {
        const ids = [this.recording.id];
        const [values] = await this.orm.silent.call("zadarma.recording", "get_player_values", [
            ids,
        ]);
        if (values) {
            this.state.recording = values;
        }
    }

    /** Have the server fetch what could not be fetched. */
    async fetchAgain() {
        if (this.state.isBusy) {
            return;
        }
        this.state.isBusy = true;
        try {
            await this.orm.call("zadarma.recording", "action_try_again", [[this.recording.id]]);
            await this.refresh();
        } finally {
            this.state.isBusy = false;
        }
    }

    /** Play once more what could not be loaded. */
    playAgain() {
        this.audio.el.load();
        return this.play();
    }
}
