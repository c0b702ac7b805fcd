#!/usr/bin/env python3
"""A second, slow implementation of rating in fractions, and the vectors it answers: crates/domain/tests/data/rating_vectors.jsonl.

Written from the formulas, not from the Rust code. Run it without arguments to write the file again; the seed is fixed, so the
bytes are the same for ever. Each line has the terms of one price and cases of [inputs, exact amount, amount in micros];
the amount is null where the exact one does not fit, which must be the error `quantity_out_of_range`.
"""

import json
import math
import os
import random
import uuid
from datetime import datetime, timedelta, timezone
from fractions import Fraction

SEED = 20260317
TERMS, CASES = 2_500, 4
LARGEST = 2**63 - 1
FILE = os.path.join(os.path.dirname(__file__), "../../crates/domain/tests/data/rating_vectors.jsonl")


# --- the rules ---------------------------------------------------------------------------------------------------------------


def round_half_even(value):
    """To a whole number. Python's own round() of a Fraction is half-even by definition, and exact."""
    return round(value)


def price_in_tiers(tiers, units, share, graduated):
    edges = [Fraction(0)] + [Fraction(tier["upTo"]) for tier in tiers[:-1]] + [None]
    total = Fraction(0)
    for number, tier in enumerate(tiers):
        above, up_to = edges[number], edges[number + 1]
        inside = units > above and (up_to is None or units <= up_to)
        if graduated:
            count = (units if up_to is None else min(units, up_to)) - above
            reached = count > 0
        else:
            count, reached = units, inside
        if reached:
            total += count * Fraction(tier["unitPrice"]) + Fraction(tier.get("flatFee", "0")) * share
    return total


def price_events(model, events, allowance):
    """Percentage with limits per event: the included units and the free events go to the earliest events."""
    total, free = Fraction(0), model.get("freeEvents", 0)
    for event in sorted(events, key=lambda event: (event["at"], event["event"])):
        units = Fraction(event["units"])
        included = min(units, allowance)
        allowance -= included
        fee = Fraction(model.get("fixedFee", "0"))
        pays_no_fee = free > 0 or "fixedFee" not in model
        if free > 0:
            free, fee = free - 1, Fraction(0)
        if pays_no_fee and units == included:
            continue
        amount = (units - included) * Fraction(model["percent"]) / 100 + fee
        amount = max(amount, Fraction(model["minimumPerEvent"])) if "minimumPerEvent" in model else amount
        amount = min(amount, Fraction(model["maximumPerEvent"])) if "maximumPerEvent" in model else amount
        total += amount
    return total, allowance


def has_limits(model):
    return "minimumPerEvent" in model or "maximumPerEvent" in model


def price_part(model, usage, allowance, share):
    """(amount, allowance left)"""
    kind = model["type"]
    if kind == "recurring":
        return Fraction(model["amount"]) * share, allowance
    if kind == "seat":
        stretches = usage["seats"]
        seats = lambda stretch: max(Fraction(0), Fraction(stretch["seats"]) - allowance)
        amounts = [seats(stretch) * Fraction(model["unitPrice"]) * Fraction(stretch["share"]) for stretch in stretches]
        return sum(amounts, Fraction(0)), allowance
    if kind == "dynamic":
        return sum((Fraction(event["amount"]) for event in usage["events"] if "amount" in event), Fraction(0)), allowance
    if kind == "percentage" and has_limits(model):
        return price_events(model, usage["events"], allowance)
    if "total" in usage:
        units, events = Fraction(usage["total"]["units"]), usage["total"]["events"]
    else:
        units, events = sum((Fraction(event["units"]) for event in usage["events"]), Fraction(0)), len(usage["events"])
    left, units = max(Fraction(0), allowance - units), max(Fraction(0), units - allowance)
    if kind == "perUnit":
        return units * Fraction(model["unitPrice"]), left
    if kind in ("graduated", "volume"):
        return price_in_tiers(model["tiers"], units, share, kind == "graduated"), left
    if kind == "package":
        return math.ceil(units / Fraction(model["size"])) * Fraction(model["price"]), left
    fees = max(0, events - model.get("freeEvents", 0))
    return units * Fraction(model["percent"]) / 100 + fees * Fraction(model.get("fixedFee", "0")), left


def rate(terms, inputs):
    share = Fraction(inputs.get("share", "1"))
    allowance = Fraction(terms.get("included", "0"))
    if terms["model"]["type"] != "seat":
        allowance *= share
    total = Fraction(0)
    for part in sorted(inputs["parts"], key=lambda part: part.get("rate", 0)):
        number = part.get("rate", 0)
        model = terms["rates"][number - 1]["model"] if number else terms["model"]
        amount, allowance = price_part(model, part["usage"], allowance, share)
        total += amount
    if inputs["stage"] == "closing":
        if "minimum" in terms:
            total = max(total, Fraction(terms["minimum"]) * share)
        if "cap" in terms:
            total = min(total, Fraction(terms["cap"]) * share)
    return total


# --- the vectors -------------------------------------------------------------------------------------------------------------


def decimal(rng, digits, places):
    """A decimal text with up to so many digits before and places after the point."""
    whole = rng.randrange(10 ** rng.randint(0, digits))
    places = rng.randint(0, places)
    return f"{whole}.{rng.randrange(10**places):0{places}d}" if places else str(whole)


def cents(value):
    """A text with two places; the values that come here have no more."""
    count = int(value * 100)
    return f"{count // 100}.{count % 100:02d}"


def tiers(rng):
    edges = sorted({Fraction(decimal(rng, 7, 2)) + 1 for _ in range(rng.randint(0, 3))})
    made = []
    for edge in [*edges, None]:
        tier = {"unitPrice": decimal(rng, 2, rng.choice([2, 6, 12]))}
        if edge is not None:
            tier["upTo"] = cents(edge)
        if rng.random() < 0.3:
            tier["flatFee"] = decimal(rng, 3, 2)
        made.append(tier)
    return made


def usage_model(rng, kind):
    if kind == "perUnit":
        return {"type": kind, "unitPrice": decimal(rng, 2, 12)}
    if kind in ("graduated", "volume"):
        return {"type": kind, "tiers": tiers(rng)}
    if kind == "package":
        return {"type": kind, "size": rng.choice(["1", "0.5", "10", "1000", "333.333333"]), "price": decimal(rng, 3, 6)}
    if kind == "dynamic":
        return {"type": kind, "amountProperty": "cost"}
    model = {"type": "percentage", "percent": decimal(rng, 1, 6)}
    if rng.random() < 0.6:
        model["fixedFee"] = decimal(rng, 1, 2)
        if rng.random() < 0.5:
            model["freeEvents"] = rng.randint(0, 4)
    if kind == "limited":
        low, high = sorted([Fraction(decimal(rng, 2, 2)), Fraction(decimal(rng, 2, 2))])
        limits = {"minimumPerEvent": cents(low), "maximumPerEvent": cents(high)}
        keep = rng.choice([["minimumPerEvent"], ["maximumPerEvent"], list(limits)])
        model.update({name: limits[name] for name in keep})
    return model


KINDS = ["perUnit", "graduated", "volume", "package", "percentage", "limited", "dynamic", "recurring", "seat"]


def make_terms(rng, kind):
    if kind == "recurring":
        terms = {"model": {"type": kind, "amount": decimal(rng, 4, 6)}}
    elif kind == "seat":
        terms = {"model": {"type": kind, "unitPrice": decimal(rng, 3, 12)}}
    else:
        terms = {"model": usage_model(rng, kind)}
        if kind != "limited" and kind != "dynamic" and rng.random() < 0.2:
            terms["rates"] = [{"when": {"region": "eu"}, "model": usage_model(rng, rng.choice(KINDS[:5]))}]
    if kind not in ("recurring", "dynamic") and rng.random() < 0.4:
        terms["included"] = decimal(rng, 1 if kind == "seat" else 4, 2)
    low, high = sorted([Fraction(decimal(rng, 4, 2)), Fraction(decimal(rng, 5, 2))])
    if rng.random() < 0.25:
        terms["minimum"] = cents(low)
    if rng.random() < 0.25:
        terms["cap"] = cents(high)
    return terms


def event(rng):
    at = datetime(2026, 3, 1, tzinfo=timezone.utc) + timedelta(seconds=rng.choice([0, 1, rng.randrange(10**6)]))
    # Crockford base32 without I, L, O, U; 128 bits in 26 characters.
    digits, number = "0123456789abcdefghjkmnpqrstvwxyz", uuid.UUID(int=rng.getrandbits(128)).int
    text = "".join(digits[number >> shift & 31] for shift in range(125, -1, -5))
    made = {"at": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "event": f"evt_{text}", "units": decimal(rng, 4, 6)}
    if rng.random() < 0.8:
        made["amount"] = decimal(rng, 2, 12)
    return made


def share(rng):
    whole = rng.choice([28, 29, 30, 31, 365, 86_400, 2_678_400, 31_536_000])
    return Fraction(rng.randint(0, whole), whole)


def make_usage(rng, model):
    kind = model["type"]
    if kind == "recurring":
        return "time"
    if kind == "seat":
        stretches = [{"seats": decimal(rng, 3, 1), "share": text(share(rng) / 3)} for _ in range(rng.randint(0, 3))]
        return {"seats": stretches}
    if kind == "dynamic" or (kind == "percentage" and has_limits(model)):
        return {"events": [event(rng) for _ in range(rng.randint(0, 4))]}
    edges = [tier["upTo"] for tier in model.get("tiers", []) if "upTo" in tier]
    size = rng.random()
    if edges and size < 0.3:
        units = Fraction(rng.choice(edges)) + rng.choice([0, 0, Fraction(1, 10**6), -Fraction(1, 10**6)])
    elif size < 0.8:
        units = Fraction(decimal(rng, 9, 6))
    elif size < 0.9:
        units = Fraction(rng.randrange(10**12), 31_536_000)
    else:
        units = Fraction(decimal(rng, 18, 6))
    return {"total": {"units": text(units), "events": rng.randint(0, 10**5)}}


def text(value):
    return str(value.numerator) if value.denominator == 1 else f"{value.numerator}/{value.denominator}"


def make_inputs(rng, terms):
    models = [terms["model"], *(rate["model"] for rate in terms.get("rates", []))]
    parts = [{"usage": make_usage(rng, model)} | ({"rate": number} if number else {}) for number, model in enumerate(models)]
    rng.shuffle(parts)
    inputs = {"parts": parts, "stage": rng.choice(["running", "closing", "closing"])}
    if rng.random() < 0.4:
        inputs["share"] = text(share(rng))
    return inputs


def main():
    rng = random.Random(SEED)
    with open(FILE, "w", encoding="utf-8") as out:
        for index in range(TERMS):
            terms = make_terms(rng, KINDS[index % len(KINDS)])
            cases = []
            for _ in range(CASES):
                inputs = make_inputs(rng, terms)
                exact = rate(terms, inputs)
                micros = round_half_even(exact * 10**6)
                cases.append([inputs, text(exact), micros if -LARGEST - 1 <= micros <= LARGEST else None])
            out.write(json.dumps({"terms": terms, "cases": cases}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
