"""The webhooks of a service as ArcGIS' administrators make, look at and delete them, and what they are told.

Parameters, payload, signature and the rules of failures are those of ArcGIS Server's REST API for
administrators, "Webhooks" (11.1, signatures 11.2) and ArcGIS Enterprise's "Payloads" of geoprocessing
services.
"""

import base64
import hashlib
import hmac
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from gpserver.addresses import check_reach, checked_url
from gpserver.errors import Conflict, InvalidRequest, InvalidValue, NotFound
from gpserver.formats import Resource
from gpserver.protocols.esri.admin import administered
from gpserver.protocols.esri.log import STATUS, esri_id
from gpserver.protocols.esri.wire import Call, MethodNotAllowed
from gpserver.webhook import Delivery, Failure, Webhook

_MOST = 10  # webhooks of a service
_LONGEST_NAME, _LONGEST_URL, _LONGEST_KEY = 250, 2000, 500
_HIDDEN = "********"
"""What is shown of a key, and leaves it as it is when it comes back."""


def webhooks(call: Call) -> Resource:
    """``…/<service>.GPServer/webhooks``: the webhooks of a service."""
    found = call.site.engine.webhooks.of(administered(call))
    return _resource({"webhooks": [_shown(call, webhook) for webhook in found]})


def create(call: Call) -> Resource:
    """``…/webhooks/create``: makes a webhook.

    Raises:
        InvalidRequest: The service is synchronous or has too many, or a parameter is not sound.
        Conflict: The service has a webhook of that name.
    """
    _must_post(call)
    service, kept = administered(call), call.site.engine.webhooks
    if call.site.catalog.service(service).synchronous:
        raise InvalidRequest(f"{service} is synchronous: its jobs end while their callers wait.")
    others = kept.of(service)
    if len(others) >= _MOST:
        raise InvalidRequest(f"{service} has {_MOST} webhooks already; delete one.")
    webhook = _asked(call, Webhook(str(uuid.uuid4()), service, "", ""))
    _keep(call, webhook, others)
    return _resource(_shown(call, webhook))


def webhook(call: Call) -> Resource:
    """``…/webhooks/<id>``: one webhook."""
    return _resource(_shown(call, _webhook(call)))


def edit(call: Call) -> Resource:
    """``…/webhooks/<id>/edit``: changes a webhook; what is not sent stays.

    Raises:
        InvalidRequest: A parameter is not sound.
        Conflict: The service has another webhook of that name.
    """
    _must_post(call)
    before = _webhook(call)
    after = _asked(call, before)
    others = [each for each in call.site.engine.webhooks.of(before.service) if each.id != before.id]
    _keep(call, after, others)
    return _resource(_shown(call, after))


def delete(call: Call) -> Resource:
    """``…/webhooks/<id>/delete``: forgets a webhook, and what it was not told yet."""
    _must_post(call)
    call.site.engine.webhooks.delete(_webhook(call).id)
    return _done()


def delete_all(call: Call) -> Resource:
    """``…/webhooks/deleteAll``: forgets all webhooks of a service."""
    _must_post(call)
    kept = call.site.engine.webhooks
    for each in kept.of(administered(call)):
        kept.delete(each.id)
    return _done()


def activate_all(call: Call) -> Resource:
    """``…/webhooks/activateAll``: turns the webhooks of a service on and forgets their failures."""
    return _switched(call, active=True)


def deactivate_all(call: Call) -> Resource:
    """``…/webhooks/deactivateAll``: turns the webhooks of a service off."""
    return _switched(call, active=False)


def notification_status(call: Call) -> Resource:
    """``…/webhooks/<id>/notificationStatus``: deliveries that were given up; how many wait, and why."""
    found, kept = _webhook(call), call.site.engine.webhooks
    failures = kept.failures(found.id)
    value = {
        "webhookNotificationStatus": [_failure(each) for each in failures if each.given_up],
        "pending": kept.pending(found.id),
        "retrying": [_failure(each) for each in failures if not each.given_up],
        "lastDelivered": None if found.delivered is None else round(found.delivered * 1000),
    }
    return _resource(value)


def letter(delivery: Delivery) -> tuple[bytes, Mapping[str, str]]:
    """What a webhook is told of a job, and the headers that go with it.

    The signature is ``sha256=`` and the base64 text of the HMAC-SHA256 of the body under the webhook's key.
    """
    webhook, (folder, name) = delivery.webhook, _split(delivery.service)
    job_id = esri_id(delivery.job_id)
    place = f"{webhook.root}/arcgis/rest/services/{delivery.service}/GPServer/{delivery.task}"
    body = orjson.dumps(
        {
            "serviceType": "GPServer",
            "jobId": job_id,
            "statusURL": f"{place}/jobs/{job_id}",
            "name": webhook.name,
            "taskName": delivery.task,
            "folderName": folder,
            "serviceName": name,
            "eventType": STATUS[delivery.status],
        }
    )
    headers = {"Content-Type": "application/json"}
    if webhook.key:
        digest = hmac.new(webhook.key.encode(), body, hashlib.sha256).digest()
        headers["x-esriHook-Signature"] = f"sha256={base64.b64encode(digest).decode()}"
    return body, headers


def _asked(call: Call, before: Webhook) -> Webhook:
    """A webhook with what the call says of it."""
    text = call.parameters.text
    if (media_type := text("contentType", "application/json").lower()) != "application/json":
        raise InvalidRequest(f"'contentType' is {media_type[:50]}; payloads are sent as application/json.")
    key = text("signatureKey", _HIDDEN)
    if len(key) > _LONGEST_KEY:
        raise InvalidRequest(f"'signatureKey' has more than {_LONGEST_KEY} characters.")
    return replace(
        before,
        name=_short(text("name", before.name), "name", _LONGEST_NAME),
        url=_short(text("hookUrl", before.url), "hookUrl", _LONGEST_URL),
        key=before.key if key == _HIDDEN else key,
        active=call.parameters.flag("active", before.active),
        root=call.root,
    )


def _short(text: str, name: str, most: int) -> str:
    if not 0 < len(text) <= most:
        raise InvalidRequest(f"'{name}' has {len(text)} characters; it needs 1 to {most}.")
    return text


def _keep(call: Call, webhook: Webhook, others: list[Webhook]) -> None:
    if any(each.name == webhook.name for each in others):
        raise Conflict(f"{webhook.service} has a webhook {webhook.name} already; give it another name.")
    try:
        check_reach(webhook.url, call.site.allowed)
    except InvalidValue as error:
        raise InvalidRequest(f"'hookUrl' cannot be used: {error}") from None
    call.site.engine.webhooks.put(replace(webhook, url=checked_url(webhook.url)))


def _webhook(call: Call) -> Webhook:
    service, wanted = administered(call), call.part("webhook")
    for each in call.site.engine.webhooks.of(service):
        if each.id == wanted:
            return each
    raise NotFound(f"There is no webhook {wanted[:50]} of {service}.")


def _switched(call: Call, active: bool) -> Resource:
    _must_post(call)
    call.site.engine.webhooks.switch(administered(call), active)
    return _done()


def _must_post(call: Call) -> None:
    if call.request.method != "POST":
        raise MethodNotAllowed("This changes webhooks: send it with POST.")


def _shown(call: Call, webhook: Webhook) -> dict[str, Any]:
    folder, name = _split(webhook.service)
    place = f"{call.root}/arcgis/admin/services/{webhook.service}.GPServer/webhooks/{webhook.id}"
    return {
        "id": webhook.id,
        "folderName": folder,
        "serviceName": name,
        "serviceType": "GPServer",
        "name": webhook.name,
        # Whoever reads it could sign deliveries.
        "signatureKey": _HIDDEN if webhook.key else "",
        "hookUrl": webhook.url,
        "active": webhook.active,
        "changeTypes": ["*"],  # ArcGIS API for Python reads it, though only feature services have others
        "payloadFormat": "json",
        "contentType": "application/json",
        "url": place,
    }


def _failure(failure: Failure) -> dict[str, Any]:
    return {
        "invoked": False,
        "invokedTimestamp": round(failure.tried * 1000),
        "jobId": esri_id(failure.job_id),
        "attempts": failure.attempts,
        "reason": failure.reason,
    }


def _split(service: str) -> tuple[str, str]:
    folder, _, name = service.rpartition("/")
    return folder, name


def _done() -> Resource:
    return _resource({"status": "success"})


def _resource(value: dict[str, Any]) -> Resource:
    return Resource(value, "Webhooks")
