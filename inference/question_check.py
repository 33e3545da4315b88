"""Whether a question can be put to a model, checked before a clip is decoded in vain."""

from transformers import PreTrainedTokenizerBase

from .errors import QuestionError


def check_question(question: str, tokenizer: PreTrainedTokenizerBase, max_tokens: int) -> None:
    """Refuse what the model can't be asked.

    Args:
        question: What is to be asked.
        tokenizer: The model's tokenizer.
        max_tokens: Longest input that the model reads, in tokens.

    Raises:
        QuestionError: If it is empty, no text, too long, or contains a special token of the conversation.
    """
    if not isinstance(question, str):
        raise QuestionError(f"The question must be text, not {type(question).__name__}.")
    if not question.strip():
        raise QuestionError("The question is empty.")
    if not _is_unicode(question):
        raise QuestionError("The question is no text: it holds bytes that are not UTF-8.")
    # `all_special_tokens` lacks those without a role of their own, such as the one that starts a turn.
    for token in (str(added) for added in tokenizer.added_tokens_decoder.values() if added.special):
        if token in question:
            raise QuestionError(f"A question can't hold {token}, which marks up the conversation.")
    length = len(tokenizer(question, add_special_tokens=False)["input_ids"])
    if length > max_tokens:
        raise QuestionError(f"The question is {length} tokens long; this model reads at most {max_tokens}.")


def _is_unicode(text: str) -> bool:
    """Whether a text can be encoded; bytes of a command-line argument that are not UTF-8 are lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
