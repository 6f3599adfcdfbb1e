import { Component, useRef, useState } from "@odoo/owl";

import { DateTimeInput } from "@web/core/datetime/datetime_input";
import { deserializeDate, serializeDate } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { useAutoresize } from "@web/core/utils/autoresize";
import { useService } from "@web/core/utils/hooks";

const { DateTime } = luxon;

/**
 * Asks for outcome, note and next step of a call. What is typed is kept by the call service until it
 * is saved.
 */
export class OutcomeForm extends Component {
    static template = "zadarma.OutcomeForm";
    static components = { DateTimeInput };
    static props = {
        asked: Object,
        onSave: Function,
        saveLabel: { type: String, optional: true },
        canBeEmpty: { type: Boolean, optional: true },
        hasHotkeys: { type: Boolean, optional: true },
    };

    setup() {
        this.outcomes = useService("zadarma_call").outcomes;
        const { asked } = this.props;
        this.answer = useState(
            this.outcomes.readDraft(asked.id) ?? {
                outcomeId: asked.outcome_id,
                note: asked.note,
                nextDate: false,
            },
        );
        this.state = useState({ isBusy: false });
        this.note = useRef("note");
        useAutoresize(this.note);
    }

    get saveLabel() {
        return this.props.saveLabel ?? _t("Save");
    }

    /** @returns {boolean} whether there is anything to save */
    get isAnswered() {
        const { outcomeId, note, nextDate } = this.answer;
        return Boolean(outcomeId || note.trim() || nextDate);
    }

    get canSave() {
        return Boolean(this.props.canBeEmpty || this.isAnswered);
    }

    /** @returns {Object[]} the days that one click chooses */
    get steps() {
        const today = DateTime.local().startOf("day");
        const days = [
            { label: _t("Tomorrow"), day: today.plus({ days: 1 }) },
            { label: _t("In 3 days"), day: today.plus({ days: 3 }) },
            { label: _t("Next week"), day: today.plus({ weeks: 1 }).startOf("week") },
        ];
        return days.map(({ label, day }) => ({
            label,
            date: serializeDate(day),
            title: day.toLocaleString(DateTime.DATE_HUGE),
        }));
    }

    get otherDay() {
        const { nextDate } = this.answer;
        return nextDate ? deserializeDate(nextDate) : false;
    }

    get plannedFor() {
        const { next_date } = this.props.asked;
        return (
            next_date &&
            _t("The next call is planned for %(day)s.", {
                day: deserializeDate(next_date).toLocaleString(DateTime.DATE_MED),
            })
        );
    }

    change(values) {
        Object.assign(this.answer, values);
        this.outcomes.writeDraft(this.props.asked.id, { ...this.answer });
    }

    chooseOutcome(id) {
        this.change({ outcomeId: this.answer.outcomeId === id ? false : id });
    }

    chooseDay(date) {
        this.change({ nextDate: this.answer.nextDate === date ? false : date });
    }

    chooseOtherDay(day) {
        this.change({ nextDate: day ? serializeDate(day) : false });
    }

    onNoteKeydown(ev) {
        if (ev.key === "Enter" && (ev.ctrlKey || ev.metaKey)) {
            ev.preventDefault();
            this.save();
        }
    }

    /** A second click before the server answered does not save twice. */
    async save() {
        if (!this.canSave || this.state.isBusy) {
            return;
        }
        this.state.isBusy = true;
        try {
            await this.props.onSave({ ...this.answer });
        } finally {
            this.state.isBusy = false;
        }
    }
}
