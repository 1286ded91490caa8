from maaskit.vitals import PING_S, Vitals


def test_silence_counts_from_when_an_answer_is_owed():
    vitals = Vitals(timeout_s=10, idle_s=0, now_s=0)
    assert vitals.complaint(30, owing=False) is None
    assert vitals.complaint(31, owing=True) is None
    assert vitals.complaint(40, owing=True) is None
    assert "owes an answer" in vitals.complaint(42, owing=True)


def test_a_service_that_owes_an_answer_has_its_time():
    vitals = Vitals(timeout_s=100, idle_s=0, now_s=1000)
    assert vitals.complaint(1099, owing=True) is None
    vitals.told(1099)
    vitals.ponged()
    assert vitals.complaint(1198, owing=True) is None
    assert "owes an answer" in vitals.complaint(1200, owing=True)
    assert vitals.complaint(1200, owing=False) is None


def test_a_service_that_answers_no_ping_is_gone():
    vitals = Vitals(timeout_s=30, idle_s=0, now_s=0)
    assert vitals.complaint(1e6, owing=False) is None  # it was not asked
    assert vitals.wants_ping(PING_S)
    assert vitals.wants_ping(2 * PING_S)
    assert vitals.complaint(PING_S + 30, owing=False) is None
    assert "answered no ping for 31 s" in vitals.complaint(PING_S + 31, owing=False)
    vitals.ponged()
    assert vitals.complaint(PING_S + 31, owing=False) is None
    assert vitals.wants_ping(5 * PING_S)
    vitals.told(5 * PING_S)
    assert vitals.complaint(100 * PING_S, owing=False) is None


def test_pings_are_due_now_and_then():
    vitals = Vitals(timeout_s=1, idle_s=0, now_s=0)
    assert [vitals.wants_ping(at) for at in (1, PING_S, PING_S + 1, 2 * PING_S)] == [False, True, False, True]


def test_silence_of_ours_is_told_when_it_matters():
    assert Vitals(timeout_s=1, idle_s=0, now_s=0).quiet_s(1e9) is None
    vitals = Vitals(timeout_s=1, idle_s=5, now_s=0)
    assert vitals.quiet_s(4) is None
    assert vitals.quiet_s(6) == 6
    vitals.sent(6)
    assert vitals.quiet_s(7) is None


def test_time_in_which_we_did_not_look_is_no_silence_of_the_services():
    vitals = Vitals(timeout_s=10, idle_s=0, now_s=0)
    assert vitals.complaint(0, owing=True) is None
    vitals.stood_still(60)
    assert vitals.complaint(69, owing=True) is None
    assert "owes an answer" in vitals.complaint(71, owing=True)
    vitals = Vitals(timeout_s=10, idle_s=0, now_s=0)
    assert vitals.wants_ping(PING_S)
    vitals.stood_still(1000)
    assert vitals.complaint(1000 + 2 * PING_S, owing=False) is None
    assert "answered no ping" in vitals.complaint(1001 + 2 * PING_S, owing=False)
