"""Every fault there is: its name, what it does, and which parameters it reads."""

from enum import Enum


class Kind(Enum):
    """A fault by the name ``POST /faults`` takes; ``reads`` are the fields of an order it looks at."""

    says: str
    reads: tuple[str, ...]

    def __new__(cls, name: str, says: str, *reads: str) -> "Kind":
        """A member whose value is its name."""
        kind = object.__new__(cls)
        kind._value_ = name
        kind.says, kind.reads = says, ("match", *reads)
        return kind

    DROP = "drop", "cut connections without a word", "connections"
    LIFETIME = "lifetime", "close connections as the 24 h limit does, `seconds` from now", "connections", "seconds"
    SHUTDOWN = (
        "shutdown",
        "announce `serverShutdown`; with `seconds`, cut the same connections after as long",
        "connections",
        "seconds",
    )
    REFUSE = "refuse", "refuse handshakes with `status`: for `seconds`, or else `count` of them", *(
        "count", "seconds", "status", "retry_after_s",
    )  # fmt: skip
    STALL = (
        "stall",
        "open connections stay open and get nothing, no ping either, for `seconds`; what was due is lost",
        "connections",
        "seconds",
    )
    SLOW = (
        "slow",
        "for `seconds`, what open connections get comes `delay_s` late, in order",
        "connections",
        "seconds",
        "delay_s",
    )
    DEAF = "deaf", "streams end on open connections until subscribed again, there or on a new connection", "connections"
    IGNORE_SUBSCRIBE = (
        "ignore_subscribe",
        "`count` SUBSCRIBE messages or handshakes with such a stream begin nothing; `answered` says whether the "
        "message is answered as if they had",
        "count",
        "answered",
    )

    SILENCE = "silence", "send nothing of the streams for `seconds`", "seconds"
    SILENT_MINUTES = "silent_minutes", "leave out all `kline_1m` frames of the next `count` whole minutes", "count"
    SKIP_TRADES = "skip_trades", "leave `count` trades out", "count"
    SKIP_DEPTH = "skip_depth", "leave `count` depth events out", "count"
    OMIT_CLOSED = "omit_closed", "leave out `count` klines with `x:true`", "count"
    DUPLICATE = "duplicate", "send `count` frames twice", "count"
    REORDER = "reorder", "exchange `count` frames with the one after", "count"
    MALFORMED = "malformed", "send `count` frames spoilt, as `form` says; what they carried is lost", "count", "form"

    REST = "rest", "answer `count` requests with `status`; 429 and 418 block for `retry_after_s`", *(
        "count", "status", "retry_after_s",
    )  # fmt: skip
    LATENCY = "latency", "answer `count` requests `seconds` late, with what was true when they came", "count", "seconds"
    HANG = "hang", "never answer `count` requests; with `seconds`, close the line after as long", "count", "seconds"
    CUT_ANSWER = "cut_answer", "cut the line in the middle of `count` answers", "count"
    HALF_ANSWER = "half_answer", "answer `count` requests with the first half of the body", "count"
    HTML_ANSWER = "html_answer", "answer `count` requests with 200 and a page, as a proxy does", "count"
    MISSING_ROWS = (
        "missing_rows",
        "leave the klines of `open_times`, or the rows from `start_ms` up to `end_ms`, out of `count` answers",
        "count",
        "open_times",
        "start_ms",
        "end_ms",
    )
    STALE_BOOK = (
        "stale_book",
        "answer `count` books of the symbol `match` as its book was when this was ordered",
        "count",
    )
    EMPTY_BOOK = "empty_book", "answer `count` books without a level", "count"
    CROSSED_BOOK = "crossed_book", "answer `count` books with bids and asks exchanged", "count"

    OUTAGE = (
        "outage",
        "symbols have no data, streamed or over REST: the next `count` whole minutes, or from `start_ms` to `end_ms`",
        "count",
        "start_ms",
        "end_ms",
    )
    SKEW = (
        "skew",
        "the exchange's clock (`serverTime`, `E`) is `offset_s` off: for `seconds`, or until cleared",
        "offset_s",
        "seconds",
    )
    LIFECYCLE = (
        "lifecycle",
        "the symbol `match` `becomes` TRADING, HALT, BREAK, CANCEL_ONLY, DELISTED or RENAMED (then `renamed_to`); "
        "its data ends or begins with the next whole minute",
        "becomes",
        "renamed_to",
    )
