"""What Slack, Microsoft Teams and PagerDuty take, by their documentation: stricter than they are, which tell little.

Each function gives what is wrong with a call ("": nothing). Thread-safe.
"""
import datetime
import json


def only(value, allowed, what):
    """What of it is of the wrong type, or not known."""
    if not isinstance(value, dict):
        return f"{what} is no object"
    for name, field in value.items():
        if name not in allowed:
            return f"{what}: unknown field {name}"
        if not isinstance(field, allowed[name]) or isinstance(field, bool) != (allowed[name] is bool):
            return f"{what}.{name} has the wrong type"
    return ""


def slack(call):
    """An incoming webhook: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks, and Block Kit."""
    message = call.json()
    problem = only(message, {"text": str, "mrkdwn": bool, "unfurl_links": bool, "blocks": list}, "message")
    if problem or not message.get("text"):
        return problem or "no_text"
    for block in message["blocks"]:
        problem = (only(block, {"type": str, "text": dict}, "block") or
                   only(block["text"], {"type": str, "text": str, "emoji": bool}, "text"))
        most = {"header": 150, "section": 3000}.get(block["type"])
        if problem or most is None or block["text"]["type"] != "plain_text":
            return problem or f"invalid_blocks: {block}"
        # These three are markup wherever they stand.
        text = block["text"]["text"]
        if not text.strip() or len(text) > most or "<" in text or ">" in text:
            return f"invalid_blocks: {len(text)} characters in a {block['type']}: {text}"
    return ""


def teams(call):
    """A workflow's webhook: an Adaptive Card of version 1.2 as the one attachment of a message of 28 KB at most."""
    message = call.json()
    problem = only(message, {"type": str, "attachments": list}, "message")
    if problem or message["type"] != "message" or len(message["attachments"]) != 1 or len(call.body) > 28 * 1024:
        return problem or "no message with one attachment of 28 KB at most"
    attachment = message["attachments"][0]
    problem = (only(attachment, {"contentType": str, "contentUrl": type(None), "content": dict}, "attachment") or
               only(attachment["content"], {"$schema": str, "type": str, "version": str, "body": list}, "card"))
    card = attachment["content"]
    if problem or (attachment["contentType"], card["type"], card["version"]) != (
            "application/vnd.microsoft.card.adaptive", "AdaptiveCard", "1.2"):
        return problem or "no Adaptive Card of version 1.2"
    for element in card["body"]:
        problem = only(element, {"type": str, "inlines": list}, "element")
        if problem or element["type"] != "RichTextBlock" or not element["inlines"]:
            return problem or f"no RichTextBlock: {element}"
        for run in element["inlines"]:
            problem = only(run, {"type": str, "text": str, "weight": str}, "run")
            if problem or run["type"] != "TextRun" or not run["text"].strip() or run["weight"] not in (
                    "Lighter", "Default", "Bolder"):
                return problem or f"no TextRun: {run}"
    return ""


def pagerduty(call):
    """Events API v2: https://developer.pagerduty.com/docs/events-api-v2/trigger-events/."""
    event = call.json()
    problem = only(event, {"routing_key": str, "event_action": str, "dedup_key": str, "client": str,
                           "payload": dict}, "event")
    if problem or not event.get("routing_key") or not 0 < len(event.get("dedup_key", "")) <= 255:
        return problem or "routing_key and dedup_key are needed"
    if event["event_action"] == "resolve":
        return "a payload of what is over" if "payload" in event else ""
    payload = event.get("payload", {})
    problem = only(payload, {"summary": str, "source": str, "severity": str, "timestamp": str, "component": str,
                             "group": str, "class": str, "custom_details": dict}, "payload")
    if problem or event["event_action"] != "trigger" or not payload.get("source") or not (
            0 < len(payload.get("summary", "").strip()) <= 1024):
        return problem or f"no event: {json.dumps(event)}"
    datetime.datetime.fromisoformat(payload["timestamp"].replace("Z", "+00:00"))
    return "" if payload["severity"] in ("critical", "error", "warning", "info") else "severity"
