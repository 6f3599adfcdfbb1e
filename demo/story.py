"""What happened last week in a small sales team, and how busy it was in the weeks before.

Everything is told from the present moment backwards, so that the demo data is fresh whenever it is installed.
"""

import random
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, timezone

from ..zadarma_api.fold import CallState, Leg
from .sound import speak

LONDON, WARSAW, BERLIN = "442037691880", "48221530000", "4930255550100"
MITCHELL, MARC, JULIA, OMAR = TEAM = ("100", "101", "102", "103")
_DISPOSITIONS = {"answered": "answered", "no_answer": "no answer", "cancelled": "cancel", "busy": "busy"}

# --- what is said in recordings: 1 is the team, 2 the customer --- #

MEETING_ROOM = (
    (1, "YourCompany, Mitchell speaking, good morning."),
    (2, "Good morning, this is Acme, I am calling about the office design project."),
    (1, "Of course, I have the drawings in front of me."),
    (2, "We have one meeting room more than we thought, on the second floor."),
    (1, "For how many people?"),
    (2, "Twelve, with a round table if you have one."),
    (1, "We do, in oak and in walnut, I can add both to the offer."),
    (2, "Walnut please, and when could it be delivered?"),
    (1, "Three weeks after the order, so before the end of next month."),
    (2, "Perfect, then send me the new offer and I will sign it this week."),
    (1, "You will have it this afternoon, thank you for calling."),
    (2, "Thank you, goodbye."),
)
DELIVERY = (
    (1, "YourCompany, Marc speaking, how can I help you?"),
    (2, "Hello Marc, this is Gemini Furniture, two of the five chairs arrived with scratches."),
    (1, "I am sorry to hear that, do you have the number of the delivery?"),
    (2, "It ends with four seven one one."),
    (1, "Thank you, Julia looks after deliveries, I will put you through to her."),
    (2, "That would be kind."),
    (1, "Hello, Julia here, I see the delivery, we will replace both chairs."),
    (2, "And who takes the old ones back?"),
    (1, "The driver who brings the new ones, on Thursday before noon."),
    (2, "Wonderful, that was quick, thank you."),
)
STANDING_DESKS = (
    (1, "Hello, this is Julia from YourCompany, you tried to reach us this morning."),
    (2, "Yes, thank you for calling back, I am looking for twenty standing desks."),
    (1, "For an office that you have already?"),
    (2, "For a new floor, we move in two months."),
    (1, "Then let us measure it together, would Wednesday suit you?"),
    (2, "Wednesday at ten is fine, I will send you the address."),
)


# --- the last week --- #


@dataclass(frozen=True)
class Told:
    """One call of the story.

    :ivar day: working days back.
    :ivar at: the time of that day; of the present day, how many minutes ago.
    :ivar by: the extension that talked or called.
    :ivar told: the outcome's external id, the note, and in how many days the next call is, none for no next one.
    :ivar lead: what is known by now of the lead that the call created.
    """

    day: int
    at: str | int
    direction: str
    number: str
    own_number: str = LONDON
    by: str = ""
    result: str = "answered"
    waiting: int = 8
    seconds: int = 0
    handed_to: str = ""
    is_blocked: bool = False
    told: tuple = ()
    lead: dict = field(default_factory=dict)
    dialogue: tuple = ()
    is_transcribed: bool = False


def _came(day, at, number, by, seconds, **more):
    return Told(day, at, "inbound", number, by=by, seconds=seconds, **more)


def _missed(day, at, number, waiting, **more):
    return Told(day, at, "inbound", number, result="no_answer", waiting=waiting, **more)


def _refused(day, at, number):
    return Told(day, at, "inbound", number, result="busy", waiting=0, is_blocked=True)


def _went(day, at, number, by, seconds, **more):
    return Told(day, at, "outbound", number, by=by, seconds=seconds, **more)


def _in_vain(day, at, number, by, **more):
    return Told(day, at, "outbound", number, by=by, result="no_answer", waiting=31, **more)


# Of Odoo's own demo data.
AZURE, ACME, GEMINI, READY_MAT = "+582126810538", "+16039963829", "+13123492324", "+18038736126"
WOOD_CORNER, JACKSON, LUMBER, OLIVER = "+16238537197", "+13345021024", "+18283160593", "+32469124578"
GORDON, BILLY, KIM = "+13367236569", "+19154985611", "+12153794865"
# Numbers that are kept free for stories.
SCHOLZ, GRANT, LEFT_WAITING, FROM_PARIS = "+493023125471", "+441174960302", "+442079460958", "+33199004820"
EMILY, JONAS, CLAIRE, DANIEL = "+442079460312", "+493023125087", "+33199001234", "+441134960217"
NUISANCE = "+442079460991"

INTERESTED, CALL_BACK, NO_INTEREST, MESSAGE = (
    f"zadarma.zadarma_call_outcome_{name}" for name in ("interested", "call_back", "no_interest", "message")
)

STORY = (
    _came(
        5,
        "09:12",
        AZURE,
        MARC,
        380,
        told=(INTERESTED, "Plans a second showroom. Wants an offer for the furniture by Thursday.", None),
    ),
    _refused(5, "10:31", NUISANCE),
    _missed(5, "10:40", SCHOLZ, 34, own_number=BERLIN),
    _went(
        5,
        "11:15",
        SCHOLZ,
        JULIA,
        0,
        own_number=BERLIN,
        told=(INTERESTED, "Twenty standing desks for a new floor. Appointment on Wednesday at ten to measure.", 1),
        lead={
            "name": "20 standing desks for a new floor",
            "contact_name": "Hanna Scholz",
            "partner_name": "Scholz Steuerberatung",
            "expected_revenue": 14500,
        },
        dialogue=STANDING_DESKS,
    ),
    _went(5, "14:05", WOOD_CORNER, OMAR, 214, told=(NO_INTEREST, "Has bought elsewhere. Ask again next year.", None)),
    _in_vain(4, "10:05", READY_MAT, MARC),
    _came(4, "11:48", JACKSON, OMAR, 95, waiting=12),
    _went(4, "14:30", READY_MAT, MARC, 492, told=(CALL_BACK, "The budget is decided today. Call again.", 0)),
    _came(4, "15:10", "anonymous", OMAR, 48, waiting=5),
    _came(
        3,
        "09:45",
        GEMINI,
        MARC,
        0,
        handed_to=JULIA,
        told=(
            INTERESTED,
            "Two chairs with scratches. They are replaced on Thursday, the driver takes them back.",
            None,
        ),
        dialogue=DELIVERY,
        is_transcribed=True,
    ),
    _refused(3, "11:20", NUISANCE),
    _went(3, "13:40", LUMBER, JULIA, 176, told=(MESSAGE, "Left a message with the office.", None)),
    _came(3, "16:02", OLIVER, OMAR, 645, told=(INTERESTED, "Wants to sell our furniture in Belgium.", 2)),
    _came(2, "09:31", WOOD_CORNER, JULIA, 122),
    _missed(2, "12:20", JACKSON, 27),
    _went(2, "13:05", JACKSON, OMAR, 260, told=(INTERESTED, "Asked for the catalog, sent by e-mail.", None)),
    _came(
        2,
        "15:45",
        GRANT,
        JULIA,
        408,
        told=(INTERESTED, "New reception for their shop in Bristol. Sends pictures.", 0),
        lead={
            "name": "Reception furniture for a shop",
            "contact_name": "Oliver Grant",
            "partner_name": "Grant & Daughters",
            "expected_revenue": 6200,
        },
    ),
    _went(2, "16:30", AZURE, MARC, 760, told=(INTERESTED, "Went through the offer. They decide on Monday.", 3)),
    _refused(1, "09:03", NUISANCE),
    _went(1, "09:50", EMILY, MARC, 233, told=(INTERESTED, "Liked the lamps at our stand. Sends her floor plan.", 1)),
    _went(1, "10:02", JONAS, MARC, 187, told=(NO_INTEREST, "Was only looking around.", None)),
    _in_vain(1, "10:09", CLAIRE, MARC, told=(MESSAGE, "Left a message.", None)),
    _came(1, "11:24", LUMBER, MITCHELL, 141, waiting=6),
    _missed(1, "12:32", LEFT_WAITING, 41),
    _missed(1, "13:20", LEFT_WAITING, 22),
    _came(1, "14:12", DANIEL, OMAR, 318, told=(INTERESTED, "Wants twelve folding tables, and a discount.", 1)),
    _came(
        0,
        245,
        ACME,
        MITCHELL,
        0,
        waiting=6,
        told=(INTERESTED, "One meeting room more, round table in walnut. New offer today.", 0),
        dialogue=MEETING_ROOM,
        is_transcribed=True,
    ),
    _came(0, 231, KIM, OMAR, 187),
    _went(0, 222, LUMBER, MARC, 64, told=(MESSAGE, "Left a message with the office.", None)),
    _came(0, 209, GORDON, JULIA, 305, told=(INTERESTED, "Asks for the price of forty chairs.", 1)),
    _went(0, 190, OLIVER, OMAR, 152, told=(CALL_BACK, "In a meeting. Call again in the afternoon.", 0)),
    _came(0, 176, WOOD_CORNER, MARC, 73),
    _missed(0, 163, BILLY, 25),
    _went(0, 151, EMILY, MARC, 121, told=(INTERESTED, "The floor plan has come, she wants lamps for nine rooms.", 2)),
    _came(0, 140, JACKSON, OMAR, 211, waiting=4),
    _came(0, 128, AZURE, MARC, 96, waiting=4, told=(CALL_BACK, "They decide this afternoon.", 0)),
    _came(0, 117, DANIEL, OMAR, 340, told=(INTERESTED, "Takes ten folding tables at the old price.", None)),
    _went(0, 106, BILLY, JULIA, 98, told=(INTERESTED, "Wanted to move the delivery to Friday, done.", None)),
    _missed(0, 95, READY_MAT, 29),
    _came(0, 83, ACME, MITCHELL, 158, waiting=3),
    _came(0, 71, GRANT, JULIA, 274, told=(INTERESTED, "The pictures have come. Likes the birch.", 1)),
    _came(0, 63, KIM, JULIA, 45),
    _went(0, 52, GEMINI, JULIA, 88, told=(INTERESTED, "The new chairs have arrived, all is well.", None)),
    _came(0, 41, WOOD_CORNER, MARC, 133, told=(CALL_BACK, "Reads the offer in peace.", 2)),
    _missed(0, 34, GORDON, 31),
    _missed(0, 26, FROM_PARIS, 33, own_number=WARSAW),
    _missed(0, 17, FROM_PARIS, 19, own_number=WARSAW),
    _came(0, 9, JACKSON, OMAR, 135, waiting=5),
)

# Whom Marc has met at a trade fair, in the order of his list.
VISITORS = ("emily", "jonas", "claire", "katarina", "megan", "lukas", "sophie", "ruth")


def tell(now, zone):
    """Return the calls of the story, each with what its notifications would fold to, the first one first.

    :param datetime now: aware.
    :param datetime.tzinfo zone: in which the team works.
    :rtype: list[tuple[Told, CallState]]
    """
    dice = random.Random(1)  # nosec B311
    calls = [(told, _get_state(told, _get_moment(told, now, zone), dice)) for told in STORY]
    return sorted(calls, key=lambda call: call[1].started_at)


def _get_moment(told, now, zone):
    if not told.day:
        return now - timedelta(minutes=told.at)
    day, left = now.astimezone(zone).date(), told.day
    while left:
        day -= timedelta(days=1)
        left -= day.weekday() < 5
    return datetime.combine(day, time.fromisoformat(told.at), zone).astimezone(timezone.utc)


def _get_state(told, moment, dice):
    seconds = speak(told.dialogue)[2] if told.dialogue else told.seconds
    is_inbound = told.direction == "inbound"
    ringing = () if told.is_blocked else TEAM if is_inbound else (told.by,)
    answered = {told.by, told.handed_to} if told.result == "answered" else set()
    legs = tuple(
        Leg(each, "ended", each in answered, told.by if each == told.handed_to else "") for each in ringing if each
    )
    return CallState(
        pbx_call_id=f"{'in' if is_inbound else 'out'}_{dice.getrandbits(160):040x}",
        direction=told.direction,
        state="ended",
        result=told.result,
        disposition=_DISPOSITIONS[told.result],
        number=told.number,
        own_number=told.own_number,
        started_at=moment.replace(microsecond=0),
        waiting=told.waiting,
        duration=seconds,
        talking_since=None,
        answered_by=(told.handed_to or told.by) if answered else "",
        legs=legs,
        is_recorded=bool(told.dialogue),
        recording_ids=(),
        is_blocked=told.is_blocked,
    )


# --- the weeks before --- #

_REGULARS = (AZURE, ACME, GEMINI, READY_MAT, WOOD_CORNER, JACKSON, LUMBER, OLIVER, DANIEL, BILLY, KIM)
# How busy each hour is, from eight to five.
_HOURS = range(8, 18)
_BUSY = (2, 6, 9, 8, 3, 4, 7, 8, 6, 2)
# Mondays are the worst.
_CALLS_OF_DAYS = (17, 14, 13, 13, 10, 0, 0)
_DAYS, _DAYS_OF_STORY = 62, 7


def remember(now, zone):
    """Return the ordinary calls of two months until yesterday, the same ones each time.

    :param datetime now: aware.
    :param datetime.tzinfo zone: in which the team works.
    :rtype: list[CallState]
    """
    today = now.astimezone(zone).date()
    dice = random.Random(2)  # nosec B311
    states = []
    for ago in range(_DAYS, 0, -1):
        day = today - timedelta(days=ago)
        # Business grows, and where the story is told less of the rest matters.
        share = 0.5 if ago <= _DAYS_OF_STORY else 1 - ago / 250
        for _number in range(round(_CALLS_OF_DAYS[day.weekday()] * share)):
            hour = dice.choices(_HOURS, _BUSY)[0]
            clock = time(hour, dice.randrange(60), dice.randrange(60))
            moment = datetime.combine(day, clock, zone).astimezone(timezone.utc)
            states.append(_get_state(_make_up(dice), moment, dice))
    return states


def _make_up(dice):
    """Return an ordinary call."""
    number = dice.choice((*_REGULARS, f"+44207946{dice.randrange(100, 900):04}"))
    own_number = dice.choice((LONDON, LONDON, WARSAW, BERLIN))
    by, seconds = dice.choice((MARC, MARC, JULIA, JULIA, OMAR, OMAR, MITCHELL)), 20 + round(dice.expovariate(1 / 170))
    if dice.random() < 0.4:
        if dice.random() < 0.7:
            return _went(0, 0, number, by, seconds, own_number=own_number, waiting=dice.randint(6, 20))
        return _in_vain(0, 0, number, by, own_number=own_number)
    if dice.random() < 0.87:
        return _came(0, 0, number, by, seconds, own_number=own_number, waiting=dice.randint(3, 18))
    return _missed(0, 0, number, dice.randint(15, 40), own_number=own_number)
