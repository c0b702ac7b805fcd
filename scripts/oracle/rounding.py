#!/usr/bin/env python3
"""Rounding to the minor unit of every ISO 4217 currency by Python's decimal: crates/domain/tests/data/rounding_vectors.jsonl.

Each line is [currency, places, [[exact decimal, rounded in micros], ...]]. The exponents are those of ISO 4217 list one, written down
here by hand: two places unless listed otherwise, and none for metals, funds without a minor unit, and codes for testing.
"""

import json
import os
import random
from decimal import ROUND_HALF_EVEN, Decimal, getcontext

SEED = 20260317
FILE = os.path.join(os.path.dirname(__file__), "../../crates/domain/tests/data/rounding_vectors.jsonl")

CODES = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF
CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD
HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD
MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG
QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD
TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD XPF XPT
XSU XTS XUA YER ZAR ZMW ZWG ZWL
""".split()
# The code for "no currency" is spelt out so that nobody takes it for a note to oneself.
NONE = 3 * "X"
CODES.append(NONE)
PLACES = {code: 0 for code in "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split()}
PLACES |= {code: 3 for code in "BHD IQD JOD KWD LYD OMR TND".split()}
PLACES |= {code: 4 for code in "CLF UYW".split()}
# Without a minor unit an amount keeps its six places.
PLACES |= {code: 6 for code in "XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA".split() + [NONE]}


def cases(rng, places):
    unit = Decimal(1).scaleb(-places)
    ties = [unit * count + unit / 2 for count in (0, 1, 2, 3, -1, -2, rng.randrange(10**9))]
    tiny = Decimal(1).scaleb(-12)
    near = [ties[rng.randrange(len(ties))] + sign * tiny for sign in (-1, 1)]
    anything = [Decimal(rng.randrange(-(10**20), 10**20)).scaleb(-12) for _ in range(6)]
    for exact in [*ties, *near, *anything]:
        rounded = exact.quantize(unit, rounding=ROUND_HALF_EVEN)
        yield [f"{exact:f}", int(rounded.scaleb(6))]


def main():
    getcontext().prec = 60
    rng = random.Random(SEED)
    with open(FILE, "w", encoding="utf-8") as out:
        for code in CODES:
            places = PLACES.get(code, 2)
            line = [code, places, list(cases(rng, places))]
            out.write(json.dumps(line, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
