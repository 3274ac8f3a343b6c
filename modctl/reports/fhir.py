"""The session as a FHIR R4 Bundle (type collection): Procedure, Device, Observations, Provenance.

Codes that nobody here could verify are left out and said as text (``CodeableConcept.text``); the one LOINC code used,
72514-3 (pain severity, 0 to 10), was seen in a published implementation. Quantities are integers in UCUM units.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from modctl.reports.sheet import Sheet

Json = dict[str, object]

LOINC: Final = "http://loinc.org"
UCUM: Final = "http://unitsofmeasure.org"
MODCTL: Final = "urn:modctl"
PAIN_CODE: Final = "72514-3"
# Procedure.status, HL7 FHIR R4 value set event-status.
STATUS: Final = {"completed": "completed", "stopped": "stopped", "faulted": "stopped", "unconfirmed": "stopped"}


def fhir_bundle(sheet: Sheet, title: str = "") -> bytes:
    """The bundle as JSON. Times are UTC with ``Z``; patient and people are pseudonyms of this site."""
    resources = [_procedure(sheet, title), _device(sheet), *_pain(sheet), *_delivered(sheet), _provenance(sheet)]
    bundle: Json = {
        "resourceType": "Bundle",
        "type": "collection",
        "identifier": _identifier(sheet),
        "entry": [{"fullUrl": f"urn:modctl:{one['resourceType']}:{one['id']}", "resource": one} for one in resources],
    }
    if sheet.started is not None and sheet.started.simulated:
        bundle["meta"] = {"tag": [{"system": MODCTL, "code": "simulated", "display": "No patient was treated"}]}
    return msgspec.json.format(msgspec.json.encode(bundle), indent=2)


def _identifier(sheet: Sheet) -> Json:
    return {"system": f"{MODCTL}:session", "value": sheet.session}


def _procedure(sheet: Sheet, title: str) -> Json:
    ended = sheet.ended
    procedure: Json = {
        "resourceType": "Procedure",
        "id": f"session-{sheet.session}",
        "identifier": [_identifier(sheet)],
        "status": "in-progress" if ended is None else STATUS[ended.outcome],
        "code": {"text": title or sheet.requested.preset},
        "subject": _patient(sheet),
        "performer": [{"actor": _person(sheet.signed_by or sheet.requested_by)}],
        "usedReference": [{"reference": f"Device/{sheet.requested.unit}"}],
    }
    if sheet.started is not None:
        procedure["bodySite"] = [{"text": f"{sheet.started.region}, {sheet.started.side} side"}]
        procedure["performedPeriod"] = {"start": sheet.started_at_utc, "end": sheet.ended_at_utc}
    else:
        procedure["status"] = "not-done"
    if ended is not None:
        procedure["statusReason"] = {"text": ended.reason}
    return procedure


def _device(sheet: Sheet) -> Json:
    device: Json = {
        "resourceType": "Device",
        "id": sheet.requested.unit,
        "deviceName": [{"name": sheet.requested.unit, "type": "user-friendly-name"}],
        "modelNumber": sheet.requested.model,
    }
    if sheet.started is not None:
        device["serialNumber"] = sheet.started.serial
        device["version"] = [{"value": sheet.started.firmware}]
    return device


def _pain(sheet: Sheet) -> Iterator[Json]:
    for given in sheet.answers:
        if given.gate in ("pain_before", "pain_after") and given.answer.isdigit():
            yield {
                "resourceType": "Observation",
                "id": f"{given.gate.replace('_', '-')}-{sheet.session}",
                "status": "final",
                "code": {
                    "coding": [{"system": LOINC, "code": PAIN_CODE}],
                    "text": f"Pain {'before' if given.gate == 'pain_before' else 'after'}, 0 to 10",
                },
                "subject": _patient(sheet),
                "partOf": [{"reference": f"Procedure/session-{sheet.session}"}],
                "performer": [_person(given.by)],
                "valueQuantity": _quantity(int(given.answer), "{score}"),
            }


def _delivered(sheet: Sheet) -> Iterator[Json]:
    """What was delivered, with its bounds; and the accounts of time."""
    ended = sheet.ended
    if ended is None:
        return
    parts: list[Json] = [
        {"code": {"text": name}, "valueQuantity": _quantity(value, "ms")}
        for name, value in (
            ("planned", ended.planned_ms),
            ("delivered", ended.delivered_ms),
            ("paused", ended.paused_ms),
            ("without contact", ended.no_contact_ms),
            ("unknown", ended.unknown_ms),
        )
    ]
    parts += [
        {
            "code": {"text": dose.quantity.replace("_", " ")},
            "valueRange": {"low": _quantity(dose.lower, dose.unit), "high": _quantity(dose.upper, dose.unit)},
        }
        for dose in ended.dose
    ]
    yield {
        "resourceType": "Observation",
        "id": f"delivered-{sheet.session}",
        "status": "final",
        "code": {"text": "What was delivered, by the controller's chart"},
        "subject": _patient(sheet),
        "partOf": [{"reference": f"Procedure/session-{sheet.session}"}],
        "device": {"reference": f"Device/{sheet.requested.unit}"},
        "component": parts,
    }


def _provenance(sheet: Sheet) -> Json:
    return {
        "resourceType": "Provenance",
        "id": f"chart-{sheet.session}",
        "target": [{"reference": f"Procedure/session-{sheet.session}"}],
        "recorded": sheet.ended_at_utc or sheet.started_at_utc,
        "agent": [{"who": _person(sheet.signed_by or sheet.requested_by)}],
        "entity": [
            {
                "role": "source",
                "what": {"display": f"chart entries {sheet.first_seq} to {sheet.last_seq}"},
            }
        ],
    }


def _patient(sheet: Sheet) -> Json:
    return {"identifier": {"system": f"{MODCTL}:patient", "value": sheet.requested.patient}}


def _person(name: str) -> Json:
    return {"identifier": {"system": f"{MODCTL}:user", "value": name}}


def _quantity(value: int, unit: str) -> Json:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}
