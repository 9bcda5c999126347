"""Subwords: byte-pair encoding and the unigram language model, trained or from a file, by the library `tokenizers`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from typing import Any, ClassVar, Literal, Self

from textgen_env.checks import check_at_least, check_bool, check_choice
from textgen_env.files import UnreadableFile, named_by, read_bytes
from textgen_env.tokenization.base import Pieces
from textgen_env.tokenization.normalization import Form, check_form
from textgen_env.tokenization.unigram import with_counted_scores

END, UNKNOWN = "<eos>", "<unk>"
ENDS = (END, "</s>", "<|endoftext|>", "<|end_of_text|>", "<|im_end|>", "[SEP]")
"""Tokens that end a text, as widely used tokenizers call them."""
MOST_FILE_BYTES = 2**26
LEAST_PIECES = 4
MOST_PIECES = 2**20


@dataclass(frozen=True)
class SubwordTokenization:
    """A text cut into frequent pieces of words, learned from the training texts, or read from a file.

    A piece that begins with "▁" begins a word. Learned are byte-pair encoding (Sennrich, Haddow and Birch, 2016,
    "Neural Machine Translation of Rare Words with Subword Units") or the unigram language model (Kudo, 2018, "Subword
    Regularization"; its pieces are scored by counts, and `textgen_env.tokenization.unigram` says why), over pieces that
    stay within a word; blanks in a row are one. A file is a `tokenizer.json` of the library `tokenizers`: its pieces,
    their ids, and its own way to normalise, cut and join are kept as they are.

    Attributes:
        model: "bpe" or "unigram"; of a file, the file says it.
        vocab_size: the most pieces that are learned, the end token and the unknown among them; 1,000 where None. A
            file has its own number.
        path: of a `tokenizer.json`; None to learn.
        end: the token of the file that ends a text; where None it is looked for under its usual names, and "<eos>" is
            added, with the last id, where there is none.
        lowercase, unicode_form: as for words; of a file, the file says it.

    Raises:
        ImportError: the library `tokenizers` is not installed.
        TypeError, ValueError: an attribute that is not allowed.
        FileNotFoundError: no such file.
        textgen_env.files.UnreadableFile: a file that is no tokenizer.
    """

    model: Literal["bpe", "unigram"] = "bpe"
    vocab_size: int | None = None
    path: str | None = None
    end: str | None = None
    lowercase: bool = False
    unicode_form: Form = "NFC"
    learned: str = field(default="", init=False, repr=False)
    """The tokenizer as JSON, once there is one."""

    separator: ClassVar[str] = ""

    def __post_init__(self) -> None:
        _library()
        check_choice("model", self.model, ("bpe", "unigram"))
        check_bool("lowercase", self.lowercase)
        check_form(self.unicode_form)
        if self.vocab_size is not None:
            check_at_least("vocab_size", self.vocab_size, LEAST_PIECES, MOST_PIECES)
        if self.path is None:
            if self.end is not None:
                raise ValueError(f"end={self.end!r} names a token of a file, and path=None: give a path, or no end")
        elif self.vocab_size is not None:
            raise ValueError(
                f"vocab_size={self.vocab_size} together with path={self.path!r}: the file has its own pieces; give one"
            )
        else:
            object.__setattr__(self, "learned", self._read())

    @property
    def settings(self) -> Mapping[str, Any]:
        """Name and attributes; of a file its digest, wherever it lies."""
        if self.path is not None:
            return {"name": "subword", "sha256": sha256(self.learned.encode()).hexdigest(), "end": self.end}
        settings = {key: getattr(self, key) for key in ("model", "vocab_size", "lowercase", "unicode_form")}
        return {"name": "subword", **settings}

    @cached_property
    def pieces(self) -> Pieces | None:
        """The pieces, in the order of their ids; None before they are learned."""
        if not self.learned:
            return None
        ids = self._tokenizer.get_vocab()
        tokens = [f"<unused {i}>" for i in range(max(ids.values()) + 1)]
        for token, i in ids.items():
            tokens[i] = token
        end = self.end if self.end is not None else next((each for each in ENDS if each in ids), None)
        if end is None:
            end = END
            tokens.append(END)
        return Pieces(tuple(tokens), end, self._unknown())

    def fitted(self, texts: Iterable[str]) -> Self:
        """This tokenization with its pieces learned from texts; itself if it has them.

        Raises:
            ValueError: `vocab_size` is less than the different characters of the texts need.
        """
        if self.learned:
            return self
        library = _library()
        texts = list(texts)
        special = [END, UNKNOWN]
        size = 1_000 if self.vocab_size is None else self.vocab_size
        if self.model == "bpe":
            tokenizer = library.Tokenizer(library.models.BPE(unk_token=UNKNOWN))
            trainer: Any = library.trainers.BpeTrainer(
                vocab_size=size, special_tokens=special, show_progress=False, limit_alphabet=size - len(special)
            )
        else:
            tokenizer = library.Tokenizer(library.models.Unigram())
            trainer = library.trainers.UnigramTrainer(
                vocab_size=size, special_tokens=special, unk_token=UNKNOWN, show_progress=False
            )
        normalizers = library.normalizers
        steps = [normalizers.Replace(library.Regex(r"\s+"), " "), normalizers.Strip()]
        steps += [normalizers.Lowercase()] if self.lowercase else []
        steps += [getattr(normalizers, self.unicode_form)()] if self.unicode_form != "none" else []
        tokenizer.normalizer = normalizers.Sequence(steps)
        tokenizer.pre_tokenizer = library.pre_tokenizers.Metaspace()
        tokenizer.decoder = library.decoders.Metaspace()
        try:
            tokenizer.train_from_iterator(texts, trainer)
        except Exception as error:  # the library's own errors have no class of their own
            raise ValueError(
                f"vocab_size={size}: no pieces could be learned from the texts ({error}); give more texts, or another "
                "vocab_size"
            ) from error
        learned = replace(self)
        content = with_counted_scores(tokenizer, texts, len(special)) if self.model == "unigram" else tokenizer.to_str()
        object.__setattr__(learned, "learned", str(content))
        return learned

    def cut(self, texts: Sequence[str]) -> list[list[str]]:
        """The pieces of each text; what no piece covers is the unknown one.

        Raises:
            RuntimeError: nothing is learned yet.
        """
        found = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        tokens = self._known_pieces
        return [[tokens[i] for i in each.ids] for each in found]

    @cached_property
    def _known_pieces(self) -> tuple[str, ...]:
        """The pieces by their ids. A text that holds the characters of the end token holds no end: it is unknown."""
        pieces = self.pieces
        return (
            () if pieces is None else tuple(pieces.unknown if token == pieces.end else token for token in pieces.tokens)
        )

    def join(self, pieces: Sequence[str]) -> str:
        """The text of pieces, as the tokenizer's decoder gives it.

        Raises:
            RuntimeError: nothing is learned yet.
        """
        decoder = self._tokenizer.decoder
        return " ".join(pieces) if decoder is None else str(decoder.decode(list(pieces)))

    def with_learned(self, learned: str) -> Self:
        """This tokenization with pieces that `fitted` has learned before, as its `learned` has them."""
        same = replace(self)
        object.__setattr__(same, "learned", learned)
        return same

    @cached_property
    def _tokenizer(self) -> Any:
        if not self.learned:
            raise RuntimeError("this subword tokenization has not learned its pieces: use fitted(texts) first")
        tokenizer = _library().Tokenizer.from_str(self.learned)
        tokenizer.no_padding()
        tokenizer.no_truncation()
        # A text that holds "<eos>" holds five characters, and no end token.
        tokenizer.encode_special_tokens = True
        return tokenizer

    def _unknown(self) -> str:
        model = json.loads(self.learned)["model"]
        if model.get("unk_token") is not None:
            return str(model["unk_token"])
        number = model.get("unk_id")
        return "" if number is None else str(model["vocab"][number][0])

    def _read(self) -> str:
        library = _library()
        if not isinstance(self.path, str):
            raise TypeError(f"path={self.path!r} must be a string, got {type(self.path).__name__}")
        remedy = "give the tokenizer.json that `tokenizers` saves"
        with named_by("path", remedy):
            try:
                content = read_bytes(self.path, MOST_FILE_BYTES)
            except FileNotFoundError:
                raise FileNotFoundError(f"path={self.path!r}: no such file; {remedy}") from None
            try:
                tokenizer = library.Tokenizer.from_str(content.decode("utf-8"))
            except Exception as error:  # the library's own errors have no class of their own
                raise UnreadableFile(self.path, f"is no tokenizer ({error})", remedy) from None
        if self.end is not None and tokenizer.token_to_id(self.end) is None:
            raise ValueError(f"end={self.end!r} is not among the {tokenizer.get_vocab_size()} tokens of {self.path}")
        return str(tokenizer.to_str())


def _library() -> Any:
    try:
        import tokenizers
    except ImportError:
        raise ImportError('subwords need tokenizers; install it with: pip install "textgen-env[text]"') from None
    return tokenizers
