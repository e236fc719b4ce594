import pytest

from mmaction_timesformer.datasets.window_labels import window_label
from mmaction_timesformer.detection.truth import TrueEvent

EVENTS = [TrueEvent('Bucket-Worker', 10.0, 12.0), TrueEvent('Cabin-Worker', 20.0, 30.0)]


@pytest.mark.parametrize(
    ('start', 'end', 'label'),
    [
        (9.0, 13.0, 'Bucket-Worker'),
        (10.2, 13.0, 'Bucket-Worker'),
        (11.0, 15.0, None),
        (8.0, 11.0, None),
        (11.8, 15.0, 'Other'),
        (0.0, 4.0, 'Other'),
        # A long danger fills a window that does not hold it.
        (24.0, 28.0, 'Cabin-Worker'),
        (19.1, 23.1, None),
        (19.3, 23.3, 'Cabin-Worker'),
        (18.8, 22.8, None),
        (18.0, 22.0, 'Other'),
        (9.0, 24.0, None),
        (9.0, 32.0, None),
    ],
)
def test_a_window_has_the_label_of_what_it_shows(start, end, label):
    assert window_label(EVENTS, start, end, 'Other') == label
