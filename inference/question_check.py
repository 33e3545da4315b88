"""Whether a question can be put to a model: told before a clip is decoded for it in vain."""

from transformers import PreTrainedTokenizerBase

from .errors import QuestionError


def check_question(question: str, tokenizer: PreTrainedTokenizerBase, max_tokens: int) -> None:
    """Refuse what the model can't be asked.

    Args:
        question: What is to be asked.
        tokenizer: The model's.
        max_tokens: Most tokens that the model reads.

    Raises:
        QuestionError: If it is empty, no text, longer than the model reads, or holds a mark of the conversation.
    """
    if not question.strip():
        raise QuestionError("The question is empty.")
    if not _is_unicode(question):
        raise QuestionError("The question is no text: it holds bytes that are not UTF-8.")
    # `all_special_tokens` lacks those that have no role of their own, the one that starts a turn among them.
    for token in (str(added) for added in tokenizer.added_tokens_decoder.values() if added.special):
        if token in question:
            raise QuestionError(f"A question can't hold {token}, which marks up the conversation.")
    length = len(tokenizer(question, add_special_tokens=False)["input_ids"])
    if length > max_tokens:
        raise QuestionError(f"The question is {length} tokens long; this model reads at most {max_tokens}.")


def _is_unicode(text: str) -> bool:
    """Whether a text can be encoded; an argument of a command keeps bytes that are none as lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
