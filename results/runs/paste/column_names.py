"""The names of a table's columns in the languages of the trade, and the role that a name gives its column.

A name is compared without case, accents, spaces and signs, and is known if it is made of known words alone. So
`CAMB run #`, `Lauf-ID` and `運行編號` name run ids, while `runtime`, `run date` and `notes` do not.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import lru_cache, wraps
from typing import TypeVar

T = TypeVar("T")

# A longer text is the name of no column, and what is known of it is not cached.
MAX_NAME = 200
NO_RANK: int | None = None

_REMARK = re.compile(r"(?<=\w)\s*[(\[](?P<text>[^()\[\]]*)[)\]]\s*$")


class Role(StrEnum):
    """What a column of a table holds."""

    RUN = "run"
    TASK = "task"
    TITLE = "title"
    LANGUAGE = "language"
    SOURCE = "source"
    TAGS = "tags"
    OTHER = "other"


def fold(name: str) -> str:
    """Return a column's name in the form in which names are compared: letters and digits without accents."""
    name = name.replace("№", "no").replace("#", "no")
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    # Dakuten are marks too, and belong to the letter.
    bare = "".join(letter for letter in decomposed if not "\u0300" <= letter <= "\u036f")
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFC", bare))


def _words(text: str) -> frozenset[str]:
    return frozenset(map(fold, text.split()))


_IDS = _words("""
    id ids identifier identifiers identificador identifiant identificativo identificatie kennung kennnummer no
    nos nr num number numbers nummer numero numeros nro n 番号 識別子 编号 編號 编码 編碼 号 號 번호 아이디 식별자
    uuid guid номер идентификатор ідентифікатор numer identyfikator numara numarası kimlik číslo رقم معرف מזהה מספר
    tunnus azonosító číslo αναγνωριστικό αριθμός รหัส หมายเลข आईडी संख्या mã số tunniste broj
""")
# Those of them that number rows as often as they name ids.
_NUMBERS = _words("no nos nr n num number numbers nummer numero numeros nro 番号 编号 編號 号 號 번호")
_RUNS = _words("""
    run runs lauf laufe durchlauf ejecucion ejecuciones corrida execucao execucoes execution executions
    esecuzione uitvoering 実行 ラン 运行 運行 执行 執行 실행 런 запуск запуска запуску uruchomienie uruchomienia
    çalıştırma spuštění تشغيل التشغيل הרצה kør kørsel körning körnings körnings kjøring kjørings ajo ajon běh běhu
    futtatás futás rulare rulări εκτέλεση εκτέλεσης lượt chạy รัน रन proses procesu processo pelaksanaan
""")
_DUBS = _words("""
    dub dubs dubbing dubbed doblaje doblajes doublage doublages dublagem dublagens doppiaggio doppiaggi
    nasynchronisatie synchronisation synchro vertonung 吹替 吹き替え 吹替え 配音 더빙
""")
_CAMB = _words("""
    camb cambai ai
""")
_JOBS = _words("""
    job jobs auftrag trabajo travail trabalho lavoro opdracht ジョブ 作业 作業 工作 작업 잡
""")
_TASKS = _words("""
    task tasks aufgabe tarea tareas tache taches tarefa tarefas compito attivita taak taken タスク 任务 任務 태스크
    задача задачи задание завдання zadanie zadania görev úkol مهمة المهمة משימה
""")
_FILLERS = _words("""
    the of in d l de del da do di du des der la le von van の 的
""")
_TAGS = _words("""
    tags tag labels label keywords schlagwort schlagworte schlagworter stichworte etiqueta etiquetas etiquette
    etiquettes etichetta etichette trefwoord trefwoorden タグ 标签 標籤 태그
""")
_LANGUAGES = _words("""
    language languages lang langs locale locales sprache sprachen idioma idiomas lengua lenguas langue langues
    língua línguas lingua lingue taal talen 言語 语言 語言 语种 語種 언어 язык языки اللغة לשפה שפה भाषा
""")
# What the dubs of one original share, beside a title of their own. A series has several originals.
_SHARED = _words("""
    source sources group groups quelle gruppe gruppen fuente grupo grupos origem groupe groupes fonte gruppo gruppi
    bron groep ソース グループ 源 组 組 分组 그룹
""")
_SERIES = _words("series serie serien serien séries série シリーズ 系列 시리즈")
# A dub's language, and not that of the source, is meant by these words beside one for a language.
_TARGETS = _words("""
    target targets to into output ziel destino destinazione cible doel dest objetivo meta 目标 目標 対象 ターゲット
    翻訳先 대상 타겟 целевой
""")
_SOURCES = _words("""
    source src original orig originale from input quelle quell ausgangs origen origem origine bron fuente fonte 源
    原 原文 ソース 元 翻訳元 원본 소스 исходный
""")
_CODES = _words("code codes tag tags name codigo kürzel kurzel 代码 代碼 コード 코드")
# The words that mark a row of sums.
_TOTALS = _words("""
    total totals totale totaal sum summe gesamt insgesamt suma somme soma totali 合計 计 总计 總計 合计 합계
    총계 average
""")
# Names of what tables of media list beside ids: a column of one of these holds no ids, whatever its numbers.
_OTHERS = _words("""
    views plays segments frames aufrufe visualizacoes reproducciones weergaven
    vues zip 文字数 再生回数 視聴数 尺 播放量
    조회수 project projekt invoice rechnungsnummer 담당자 responsable klant 客户 العميل לקוח
    apikey key hossz kesto varighet varaktighet délka durată διάρκεια ความยาว अवधि durasi minutter minuter minuuttia
    percek λεπτά นาที मिनट menit phút
    minutes minute min mins minuten minutos minuti 分 分鐘 分钟 분 seconds second sec secs sekunden segundos
    secondes
    duration length runtime dauer laufzeit lange duracion duree durata duur duracao 長さ 時間 时长 時長 길이 시간
    date
    created createdat updated updatedat added due deadline time datum fecha data 日付 日期 날짜 year jahr ano annee
    anno jaar 年 연도 month monat week woche season staffel temporada saison stagione seizoen シーズン 季 시즌
    сезон sezon الموسم עונה level severity logger
    price cost
    costs credits amount budget preis kosten precio prix preco prezzo prijs 価格 价格 價格 가격 words characters
    chars
    worter palabras mots palavras parole woorden lines cues count quantity qty anzahl cantidad quantite
    quantidade quantita aantal size bytes grosse tamano taille tamanho dimensione grootte status state progress
    stand estado statut stato notes note comment comments remarks notizen bemerkung notas nota opmerking 備考 备注
    備註 비고 speaker speakers voice owner addedby client customer
    kunde cliente version fps rate quarter priority sheet channel videourl audiourl thumbnail
    transcript start end index row rows zeile fila ligne riga 行 序号 序號 順番 순번 lfd
""")
# The names of titles, the surest first.
_TITLES = (
    _words("""
    title titles titel summary intitule عنوان العنوان titulo titre titolo タイトル 題名 作品名 标题 標題 제목
    название назва заголовок tytuł başlık כותרת शीर्षक tittel otsikko název cím titlu τίτλος ชื่อเรื่อง judul
    """),
    _words("""
    name names nombre nom nome naam bezeichnung 名前 名称 名稱 이름
    """),
    _words("""
    video videos episode episodes episodename episodetitle folge folgentitel episodio aflevering エピソード 动画
    剧集 劇集
    에피소드 비디오 動画 视频 影片
    """),
    _words("""
    filename file files datei dateiname archivo fichier arquivo bestand bestandsnaam ficheiro ファイル ファイル名
    文件 文件名
    檔案 파일 파일명
    """),
)

_KINDS: dict[str, str] = {
    word: kind
    for kind, words in (
        ("filler", _FILLERS),
        ("job", _JOBS),
        ("camb", _CAMB),
        ("dub", _DUBS),
        ("run", _RUNS),
        ("task", _TASKS),
        ("id", _IDS),
    )
    for word in words
}
_LANGUAGE_KINDS: dict[str, str] = {
    word: kind
    for kind, words in (
        ("filler", _FILLERS),
        ("code", _IDS | _CODES),
        ("camb", _CAMB),
        ("target", _TARGETS | _DUBS),
        ("source", _SOURCES),
        ("language", _LANGUAGES),
    )
    for word in words
}


def _of_names(otherwise: T) -> Callable[[Callable[[str], T]], Callable[[str], T]]:
    """Return a decorator that caches a function's last answers; a text too long for a name gets `otherwise`."""

    def decorator(function: Callable[[str], T]) -> Callable[[str], T]:
        cached = lru_cache(maxsize=2048)(function)

        @wraps(function)
        def of_name(name: str) -> T:
            return cached(name) if len(name) <= MAX_NAME else otherwise

        return of_name

    return decorator


def id_kinds(name: str) -> frozenset[str]:
    """Return the kinds of words that a name of an id column is made of; empty if it has any other word.

    The kinds are camb, dub, filler, id, job, run and task.
    """
    return _kinds(fold(name), _KINDS)


def _kinds(folded: str, kinds: Mapping[str, str]) -> frozenset[str]:
    """Return the kinds of the words that a folded name is made of; empty if it has any other word."""
    if len(folded) > 40:
        return frozenset()
    # ways[n]: the kinds of the words that the last n letters are made of.
    ways: list[frozenset[str] | None] = [frozenset()]
    for start in range(len(folded) - 1, -1, -1):
        found = None
        for end in range(len(folded), start, -1):
            kind, rest = kinds.get(folded[start:end]), ways[len(folded) - end]
            if kind and rest is not None:
                found = rest | {kind}
                break
        ways.append(found)
    return ways[-1] or frozenset()


@_of_names(0)
def run_rank(name: str) -> int:
    """Return how surely this name is that of run ids: 0 if it is not, 1 if it may number the rows, up to 7."""
    if (remark := _REMARK.search(name)) and not is_other(name) and title_rank(name) is None:
        # `Custom field (Run ID)`; other remarks, as in `Run ID (e.g. 1234)`, say nothing.
        return _rank_of_kinds(name[: remark.start()]) or min(_rank_of_kinds(remark["text"]), 4)
    return _rank_of_kinds(name)


def _rank_of_kinds(name: str) -> int:
    kinds = id_kinds(_without_remark(name)) - {"filler"}
    if not kinds or "task" in kinds:
        return 0
    if kinds in ({"run"}, {"camb"}):
        return 4
    if "run" in kinds:
        return 6 + ("camb" in kinds)
    if kinds == {"job"}:
        return 2
    if "id" not in kinds:
        return 0
    if kinds & {"camb", "dub"}:
        return 5
    return 3 if "job" in kinds else 1 if fold(name) in _NUMBERS else 2


@_of_names(False)
def is_task(name: str) -> bool:
    """Tell whether this name is that of the ids of dubbing tasks."""
    return "task" in id_kinds(_without_remark(name))


@_of_names(NO_RANK)
def title_rank(name: str) -> int | None:
    """Return the place of this name among those of titles, 0 for the surest; None if it is none of them."""
    folded = fold(_without_remark(name))
    if (rank := next((rank for rank, words in enumerate(_TITLES) if folded in words), None)) is not None:
        return rank
    # `영상 제목`, `Afleveringstitel`: the surest words also decide as a part of a name.
    is_part = any(fold(word) in _TITLES[0] for word in re.split(r"[\W_]+", name) if word)
    return len(_TITLES) if is_part or folded.endswith(("title", "titel")) else None


@_of_names(False)
def is_tags(name: str) -> bool:
    return fold(name) in _TAGS


@_of_names(False)
def is_source(name: str) -> bool:
    """Tell whether columns of this name hold what the dubs of one original share."""
    return fold(_without_remark(name)) in _SHARED or is_series(name)


@_of_names(False)
def is_series(name: str) -> bool:
    """Tell whether columns of this name hold a series, of which each episode is an original."""
    return fold(_without_remark(name)) in _SERIES


@_of_names(0)
def language_rank(name: str) -> int:
    """Return how surely columns of this name hold the dub's language: 0 if they do not, 2 if it says so."""
    kinds = _language_kinds(name)
    if "language" not in kinds or "source" in kinds:
        return 0
    return 2 if "target" in kinds else 1


def _language_kinds(name: str) -> frozenset[str]:
    return _kinds(fold(_without_remark(name)), _LANGUAGE_KINDS)


@_of_names(False)
def is_other(name: str) -> bool:
    """Tell whether columns of this name hold something known that is neither an id nor a title nor tags."""
    words = [fold(word) for word in re.split(r"[\W_]+", name) if word]
    if "language" in _language_kinds(name) or any(word in _LANGUAGES for word in words):
        return True
    return fold(name) in _OTHERS or any(word in _OTHERS for word in words)


@_of_names(False)
def names_other_ids(name: str) -> bool:
    """Tell whether this name is that of ids of something else, such as `Order ID`."""
    words = [fold(word) for word in re.split(r"[\W_]+", name) if word]
    names_ids = len(words) > 1 and any(word in _IDS for word in words) and _RUNS.isdisjoint(words)
    return names_ids and not run_rank(name) and not is_task(name)


def _without_remark(name: str) -> str:
    """Return the name without a remark in brackets at its end, as in `Run ID (e.g. 1234)`."""
    return _REMARK.sub("", name)


@_of_names(False)
def is_known(name: str) -> bool:
    """Tell whether this is the name of a column, and not a value in one."""
    return bool(run_rank(name) or is_task(name) or is_tags(name) or title_rank(name) is not None or is_other(name))


@_of_names(False)
def is_total(cell: str) -> bool:
    """Tell whether the cell says that its row holds sums."""
    return fold(cell) in _TOTALS
