"""Files of run ids: every encoding of a spreadsheet's CSV, workbooks, and a sentence for every other kind."""

import io
import re
import zipfile

import pytest

from results.runs.paste import files, limits
from results.runs.paste.pasted_ids import read

SHEETS = {
    "cp1250": "run_id;title\n1344;Zażółć gęślą jaźń\n1345;Łódź o świcie",
    "cp1251": "run_id;title\n1344;Огни гавани\n1345;Кухня, серия 2",
    "cp1252": "run_id;title\n1344;Küche Folge 2\n1345;Gärten",
    "cp1253": "run_id;title\n1344;Κουζίνα επεισόδιο 2\n1345;Κήπος",
    "cp1254": "run_id;title\n1344;Mutfak bölüm 2 şöyle\n1345;Bahçe ığdır",
    "cp1255": "run_id;title\n1344;מטבח פרק שני\n1345;הגינה הגדולה של סבתא",
    "cp1256": "run_id;title\n1344;مطبخ الحلقة 2\n1345;حديقة",
    "cp1257": "run_id;title\n1344;Virtuvė serija 2 ąčęėįšųūž\n1345;Sodas",
    "cp874": "run_id,title\n1344,ห้องครัว ตอนที่ 2\n1345,สวน",
    "cp932": "run_id,title\n1344,港の灯り 第2話\n1345,キッチン物語",
    "cp949": "run_id,title\n1344,부엌 2화\n1345,정원",
    "gb18030": "run_id,title\n1344,港湾灯火 第2集\n1345,花园",
    "big5hkscs": "run_id,title\n1344,廚房 第2集\n1345,花園",
    "mac_roman": "run_id,title\n1344,Küche Folge 2 für Mädchen\n1345,Gärten",
    "mac_cyrillic": "run_id;title\n1344;Огни гавани\n1345;Кухня, серия 2",
    "cp850": "run_id;title\n1344;Küche Folge 2 für Mädchen\n1345;Gärten",
    "cp852": "run_id;title\n1344;Zażółć gęślą jaźń\n1345;Łódź o świcie",
    "cp857": "run_id;title\n1344;Mutfak bölüm 2 şöyle\n1345;Bahçe ığdır",
    "cp866": "run_id;title\n1344;Огни гавани\n1345;Кухня, серия 2",
    "iso8859_5": "run_id;title\n1344;Огни гавани\n1345;Кухня, серия 2",
    "iso8859_6": "run_id;title\n1344;مطبخ الحلقة 2\n1345;حديقة الجدة",
    "iso2022_kr": "run_id,title\n1344,부엌 2화\n1345,정원",
    "hz": "run_id,title\n1344,港湾灯火 第2集\n1345,花园",
    "iso8859_2": "run_id;title\n1344;Zażółć gęślą jaźń\n1345;Łódź o świcie",
    "koi8_u": "run_id;title\n1344;Вогні гавані\n1345;Кухня, їжак і ґанок",
    "euc_jis_2004": "run_id,title\n1344,港の灯り 第2話\n1345,キッチン物語",
    "iso2022_jp_ext": "run_id,title\n1344,港の灯り 第2話\n1345,キッチン物語",
}


def workbook(rows: str = "", **sheets: list[list[object]]) -> bytes:
    """Return an .xlsx file of these sheets, with as little in it as a spreadsheet needs; `rows` is XML instead."""
    names = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in enumerate(sheets, 1))
    links = "".join(
        f'<Relationship Id="r{n}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"'
        f' Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, len(sheets) + 1)
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    packages = "http://schemas.openxmlformats.org/package/2006"
    relationships = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as package:
        package.writestr("[Content_Types].xml", f'<Types xmlns="{packages}/content-types"/>')
        package.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{packages}/relationships"><Relationship Id="r1" Target="xl/workbook.xml"'
            f' Type="{relationships}/officeDocument"/></Relationships>',
        )
        package.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{relationships}"><sheets>{names}</sheets></workbook>',
        )
        package.writestr(
            "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{packages}/relationships">{links}</Relationships>'
        )
        for number, sheet in enumerate(sheets.values(), 1):
            cells = rows or "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in sheet)
            package.writestr(
                f"xl/worksheets/sheet{number}.xml",
                f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>',
            )
    return file.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
    return f"<c><v>{value}</v></c>"


def titles(file: files.ReadFile) -> dict[int, str]:
    return {line.run_id: line.title for line in read([file.text]).lines if line.run_id}


@pytest.mark.parametrize("encoding", SHEETS)
def test_a_spreadsheet_s_csv_is_read_by_its_encoding(encoding):
    file = files.read(SHEETS[encoding].encode(encoding))
    assert (file.text, file.encoding, file.is_certain) == (SHEETS[encoding], encoding, False)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
def test_unicode_is_certain(encoding):
    file = files.read(SHEETS["cp932"].encode(encoding))
    assert (file.text.removeprefix("\ufeff"), file.is_certain) == (SHEETS["cp932"], True)


def test_a_damaged_byte_spoils_one_letter_of_utf_8():
    for raw in (SHEETS["cp1253"].encode()[:-1], SHEETS["cp932"].encode() + b"\n1346,caf\xe9"):
        file = files.read(raw)
        assert (file.text, file.encoding, file.is_certain) == (raw.decode(errors="replace"), "utf_8", False)


@pytest.mark.parametrize("name", ["BMW", "RIFF", "GIF8", "Rar!", "BZh", "ID3"])
def test_a_list_may_begin_with_the_letters_of_another_kind_of_file(name):
    assert titles(files.read(f"{name},run_id,title\nx,1344,Kitchen\ny,1345,Garden".encode())) == {
        1344: "Kitchen",
        1345: "Garden",
    }


def test_greek_of_unix_keeps_its_first_capital():
    text = "run_id;title\n1344;Άγιος Νικόλαος, Άνω Πόλη\n1345;Κήπος"
    assert files.read(text.encode("iso8859_7")).text == text


def test_signs_of_ascii_alone_make_no_other_encoding():
    for text in ("run_id,title\n1344,~{x~} and ~", "run_id,phone\n1344,+12025550 or +BB4E-"):
        assert files.read(text.encode()).text == text
    assert files.read(b"1344,+BB4EMwQ9BDg-", encoding="utf_7").text == "1344,Огни"


def test_a_person_may_choose_the_encoding():
    file = files.read(SHEETS["cp1251"].encode("cp1251"), encoding="cp1250")
    assert (file.text.encode("cp1250", "replace").decode("cp1251", "replace")[:20], file.encoding) == (
        SHEETS["cp1251"][:20],
        "cp1250",
    )
    assert files.read(b"\xff\xff", encoding="utf_8").text == "\ufffd\ufffd"


def test_a_workbook_is_read_as_the_table_it_is():
    raw = workbook(
        Runs=[["run_id", "title", "minutes"], [1344, "Kitchen\nepisode 2", 24], [1345.0, "Garden 7", 12]]
    )
    file = files.read(raw)
    assert (file.sheets, file.sheet, file.encoding) == (["Runs"], "Runs", "")
    assert titles(file) == {1344: "Kitchen episode 2", 1345: "Garden 7"}


def test_a_number_that_a_spreadsheet_has_rounded_is_no_id():
    raw = workbook(Runs=[["run_id", "title"], [1234567890123456789, "Kitchen"], [123456789012345, "Garden"]])
    assert titles(files.read(raw)) == {123456789012345: "Garden"}
    [kitchen, _garden] = read([files.read(raw).text]).lines
    assert kitchen.note == "write the number out, without an exponent"


def test_another_sheet_may_be_chosen():
    raw = workbook(Notes=[["Hello", "world"]], Runs=[["run id", "title"], [1344, "Kitchen"]])
    assert titles(files.read(raw)) == {}
    assert titles(files.read(raw, sheet="Runs")) == {1344: "Kitchen"}
    assert files.read(raw, sheet="gone").sheet == "Notes"


def packed(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as package:
        for name in names:
            package.writestr(name, "1344")
    return file.getvalue()


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"%PDF-1.7 1344", "A PDF holds no list of ids."),
        (b"\x89PNG\r\n1344", "An image holds no list of ids."),
        (b"\xff\xd8\xff\xe01344", "An image holds no list of ids."),
        (b"GIF89a1344", "An image holds no list of ids."),
        (b"BM1344\x00\x00\x00\x00", "An image holds no list of ids."),
        (b"RIFF\x00\x00\x00\x00WEBP", "An image holds no list of ids."),
        (b"RIFF\x00\x00\x00\x00WAVE", "A video or a sound holds no list of ids."),
        (b"\x00\x00\x00 ftypisom1344", "A video or a sound holds no list of ids."),
        (b"\x1f\x8b1344", "An archive holds no list of ids."),
        (b"7z\xbc\xaf1344", "An archive holds no list of ids."),
        (packed("word/document.xml"), "A text document holds no list of ids."),
        (packed("runs.csv"), "An archive holds no list of ids."),
        (packed("xl/workbook.xml"), "This workbook cannot be opened."),
        (b"PK\x03\x041344", "This file is damaged."),
        (b"\xd0\xcf\x11\xe01344", "This workbook cannot be opened."),
        (b"1344\x00\xff\xfe\x00\x01\x02", "This file holds neither text nor a table."),
    ],
)
def test_another_kind_of_file_gets_one_sentence(raw, sentence):
    with pytest.raises(files.UnreadableFileError, match=sentence):
        files.read(raw)


def test_a_workbook_that_unpacks_to_too_much_is_refused(monkeypatch):
    monkeypatch.setattr(files, "MAX_UNPACKED", 100)
    with pytest.raises(files.UnreadableFileError, match="too large"):
        files.read(workbook(Runs=[["run_id"], [1344]]))


@pytest.mark.parametrize("last", ["XFD1048576", "ZZ90000"])
def test_a_cell_far_away_harms_nobody(last):
    """The sheet is held from its first cell to its last: this one asks for more memory than there is."""
    far = re.sub("[A-Z]+", "", last)
    cells = f'<row r="1"><c r="A1"><v>1344</v></c></row><row r="{far}"><c r="{last}"><v>1345</v></c></row>'
    with pytest.raises(files.UnreadableFileError, match="cannot be opened"):
        files.read(workbook(Runs=[[1344]], rows=cells))


def test_a_sheet_with_more_text_than_may_be_added_is_cut_behind_the_limit(monkeypatch):
    monkeypatch.setattr(limits, "MAX_BYTES", 20)
    assert len(files.read(workbook(Runs=[["run_id", "title"], [1344, "A title that is long"]])).text) == 21
