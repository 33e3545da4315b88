"""What the page says of itself, before anything is read."""

INTRO = """
<header class="eq-intro"><h1>Emotion-Qwen</h1>
<p>Drop in a clip: see which emotion a face shows, when, and why the model says so.</p></header>
"""

NOTICE = """
<div class="eq-notice" role="note"><strong>An emotion-recognition system is in use on this page.</strong>
It reads <em>apparent</em> expression, which is not felt emotion. Not for use at work or in education.
Show only people who agreed. <a href="#eq-terms">Privacy and terms</a></div>
"""

EMPTY = """
<div class="eq-empty"><p>The verdict appears here: the emotion and its probabilities, which expert looked, and the
model's reasons. Below follow the frames that it was shown.</p></div>
"""

TERMS = """
<section id="eq-terms" class="eq-terms" tabindex="-1"><h2>Privacy and terms</h2><ul>
<li><strong>Emotion recognition.</strong> People whose faces are shown to this page are subject to an
emotion-recognition system and must be told so (EU AI Act, Art. 50(3)).</li>
<li><strong>Prohibited.</strong> Inferring emotions of people at work or in education (Art. 5(1)(f)); covert use;
deciding anything about a person.</li>
<li><strong>Apparent, not felt.</strong> A face can show what nobody feels and hide what somebody does. Faces unlike
those it learned from are read worse.</li>
<li><strong>Your files.</strong> They are read on this server and deleted within {time}. Nothing is logged but how
many requests there were. Nothing is used for training.</li>
<li><strong>Consent.</strong> Upload only what you may, and only people who agreed.</li></ul></section>
"""

FOOT = """
<p class="eq-foot">The example clip shows a rendered person; the example picture is a NASA portrait, public domain.</p>
"""


def terms(retention_seconds: int) -> str:
    """The terms, with the time after which uploads are deleted."""
    minutes = max(1, round(retention_seconds / 60))
    return TERMS.format(time=f"{minutes} minutes")
