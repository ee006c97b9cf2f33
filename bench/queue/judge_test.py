#!/usr/bin/env python3
"""judge_test.py: judge.py on small captures that are made up here."""
import argparse, contextlib, io, json, pathlib, struct, sys, tempfile, unittest

sys.dont_write_bytecode = True
import judge

PORTS = struct.pack(">HHHH", 5060, 5060, 8, 0)


def packet(source, destination, message):
    address = b"".join(bytes(map(int, it.split("."))) for it in (source, destination))
    return bytes(12) + b"\x08\x00" + b"\x45" + bytes(11) + address + PORTS + message.encode()


def message(first, call, caller=None, cseq="1 INVITE"):
    lines = [first, "Via: SIP/2.0/UDP x", f"Call-ID: {call}", f"CSeq: {cseq}"]
    return "\r\n".join(lines + ([f"From: <sip:{caller}@x>;tag=1"] if caller else [])) + "\r\n\r\n"


class Capture:
    """What went to and fro, a millisecond apart where it isn't said."""

    def __init__(self):
        self.frames, self.now = [], 0

    def after(self, milliseconds):
        self.now += milliseconds
        return self

    def sent(self, source, destination, *what, **more):
        self.frames.append((self.now, packet(source, destination, message(*what, **more))))
        self.now += 1

    def comes(self, caller):
        self.sent(judge.CALLERS, judge.CENTRE, "INVITE sip:500@x SIP/2.0", f"c-{caller}", caller)

    def rings(self, leg, caller, agent="b0"):
        self.sent(judge.CENTRE, judge.PHONES, f"INVITE sip:{agent}@x SIP/2.0", leg, caller)

    def says(self, leg, status, cseq="1 INVITE"):
        self.sent(judge.PHONES, judge.CENTRE, f"SIP/2.0 {status}", leg, cseq=cseq)

    def acknowledged(self, leg):
        self.sent(judge.CENTRE, judge.PHONES, "ACK sip:b0@x SIP/2.0", leg, cseq="1 ACK")

    def answers(self, leg, caller, agent="b0"):
        self.rings(leg, caller, agent)
        self.says(leg, "200 OK")
        self.acknowledged(leg)

    def hangs_up(self, leg):
        self.sent(judge.PHONES, judge.CENTRE, "BYE sip:engine@x SIP/2.0", leg, cseq="2 BYE")

    def refused(self, caller):
        self.sent(judge.CENTRE, judge.CALLERS, "SIP/2.0 503 No", f"c-{caller}")

    def row(self, trace, sipp="0", regime="idle"):
        with tempfile.TemporaryDirectory() as dir:
            records = (struct.pack("<IIII", 1 + at // 1000, at % 1000 * 1000, len(it), len(it)) + it for at, it in self.frames)
            pathlib.Path(dir, "sip.pcap").write_bytes(bytes(24) + b"".join(records))
            pathlib.Path(dir, "arrivals.csv").write_text("SEQUENTIAL\n" + "0;\n" * trace)
            told = dict(dir=dir, who="ours", regime=regime, rate=1.0, agents=2, load="0", sipp=sipp, asterisk_ms=0, engine_ms=0)
            return judge.row(argparse.Namespace(**told))


class Judge(unittest.TestCase):
    def setUp(self):
        self.capture = Capture()
        self.capture.comes("490")

    def lost(self):
        return self.capture.row(trace=1)["lost"]

    def test_who_talks_with_an_agent_is_not_lost(self):
        self.capture.answers("leg", "490")
        row = self.capture.row(trace=1)
        self.assertEqual((row["calls"], row["lost"]), (1, 0))
        self.assertTrue(judge.held(row))

    def test_who_never_rang_at_any_phone_is_lost(self):
        self.assertEqual(self.lost(), 1)

    def test_who_was_offered_and_never_answered_is_lost(self):
        self.capture.rings("leg", "490")
        self.capture.says("leg", "180 Ringing")
        self.assertEqual(self.lost(), 1)

    def test_who_was_answered_by_a_phone_that_was_never_told_that_this_was_heard_is_lost(self):
        self.capture.rings("leg", "490")
        self.capture.says("leg", "200 OK")
        self.assertEqual(self.lost(), 1)

    def test_a_refusal_with_its_ack_and_a_200_to_something_else_are_no_answer(self):
        self.capture.rings("leg", "490")
        self.capture.says("leg", "486 Busy Here")
        self.capture.acknowledged("leg")
        self.capture.says("leg", "200 OK", cseq="2 CANCEL")
        self.capture.acknowledged("leg")
        self.assertEqual(self.lost(), 1)

    def test_who_was_answered_by_the_second_phone_is_not_lost(self):
        self.capture.rings("one", "490")
        self.capture.says("one", "486 Busy Here")
        self.capture.acknowledged("one")
        self.capture.answers("other", "490", "b1")
        self.assertEqual(self.lost(), 0)

    def test_who_was_refused_is_lost_although_a_phone_answered(self):
        self.capture.answers("leg", "490")
        self.capture.refused("490")
        self.assertEqual(self.lost(), 1)

    def test_one_callers_answer_is_not_anothers(self):
        self.capture.comes("491")
        self.capture.rings("one", "490")
        self.capture.answers("other", "491", "b1")
        row = self.capture.row(trace=2)
        self.assertEqual((row["calls"], row["lost"]), (2, 1))

    def test_a_row_whose_callers_did_not_all_come_or_whose_sipp_failed_is_not_held_and_marked(self):
        self.capture.answers("leg", "490")
        for trace, sipp, mark in [(2, "0", "**1 of 2, sipp 0**"), (1, "1", "**1 of 1, sipp 1**"), (1, "124", "**1 of 1, sipp 124**")]:
            row = self.capture.row(trace, sipp)
            self.assertFalse(judge.held(row))
            self.assertIn(f"| {mark} |", table([row]))
        row = self.capture.row(trace=1)
        self.assertNotIn("**", table([row]))
        self.assertIn("ours: 1 calls/s held", table([row]))

    def test_who_came_first_and_is_offered_later_is_overtaken_and_not_within_the_slack(self):
        for apart, later, overtaken in [(100, 100, 1), (100, 20, 0), (20, 100, 0)]:
            capture = Capture()
            capture.comes("490")
            capture.after(apart).comes("491")
            capture.rings("one", "491")
            capture.after(later).rings("other", "490", "b1")
            self.assertEqual(capture.row(trace=2)["overtaken"], overtaken, (apart, later))
        capture = Capture()
        capture.comes("490")
        capture.after(100).comes("491")
        capture.rings("one", "490")
        capture.after(100).rings("other", "491", "b1")
        self.assertEqual(capture.row(trace=2)["overtaken"], 0, "in their order")

    def test_a_phone_is_timed_from_its_hang_up_while_somebody_waits_to_its_next_ring_and_else_is_one_that_never_rang(self):
        for rings, (timed, never, p50) in [(True, (1, 0, 701.0)), (False, (0, 1, None))]:
            capture = Capture()
            for caller, agent in [("490", "b0"), ("491", "b1")]:
                capture.comes(caller)
                capture.answers(f"leg-{agent}", caller, agent)
            capture.comes("492")
            capture.hangs_up("leg-b0")
            if rings:
                capture.after(700).rings("next", "492", "b0")
            row = capture.row(trace=3, regime="waiting")
            self.assertEqual((row["n"], row["never"], row["p50"]), (timed, never, p50))
        # Nobody waits: nothing is owed to who becomes free.
        capture = Capture()
        capture.comes("490")
        capture.answers("leg", "490")
        capture.hangs_up("leg")
        row = capture.row(trace=1, regime="waiting")
        self.assertEqual((row["n"], row["never"]), (0, 0))


def table(rows):
    with tempfile.NamedTemporaryFile("w") as file, contextlib.redirect_stdout(io.StringIO()) as out:
        file.write("".join(json.dumps(row) + "\n" for row in rows))
        file.flush()
        judge.table(file.name)
    return out.getvalue()


if __name__ == "__main__":
    unittest.main()
