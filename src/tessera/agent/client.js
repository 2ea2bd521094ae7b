// A client of the agent's local API for web POSs: one ES module, no build step, nothing beside it.
//
//   import { AgentClient, LateSales, NoAnswer } from "http://127.0.0.1:8440/v1/client.js";
//   const agent = new AgentClient("http://127.0.0.1:8440", token);
//   const quote = await agent.putSale("000123", basket);
//   await agent.complete("000123", basket, quote, { tenders: [{ kind: "cash", amount_minor: 450 }] });
//
// Requests and answers are the JSON of docs/api.md. Owns: short timeouts, the repeat of a write
// whose answer was lost, and errors that a POS can act on. Must never: keep the sale waiting. On
// NoAnswer the POS goes on without benefits and puts the sale into LateSales.

export const QUOTE_MS_MAX = 500; // The agent prices within 50 ms; ten times that is not coming.
export const WRITE_MS_MAX = 5000;

/** The agent could not be reached, did not answer in time, or met a fault: go on without it. */
export class NoAnswer extends Error {
  constructor(message, hint = "go on without benefits and report the sale late") {
    super(message);
    this.name = "NoAnswer";
    this.code = "no_answer";
    this.hint = hint;
  }
}

/** The agent refused the request; `problem` is its answer (RFC 9457), `status` HTTP's. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? `status ${status}`);
    this.name = "Refused";
    this.code = problem.code ?? "";
    this.hint = problem.hint ?? "";
    this.status = status;
    this.problem = problem;
  }
}

/** One paired POS: `url` of the agent, `token` of its pairing. */
export class AgentClient {
  #url;
  #token;
  #quoteMsMax;

  constructor(url, token, { quoteMsMax = QUOTE_MS_MAX } = {}) {
    this.#url = url.replace(/\/+$/, "");
    this.#token = token;
    this.#quoteMsMax = quoteMsMax;
  }

  // -- a sale

  /** The whole basket as it stands; its quote. */
  putSale(saleId, basket) {
    return this.#call("PUT", `/v1/sales/${part(saleId)}`, basket, this.#quoteMsMax);
  }

  /** A quote that leaves nothing behind. */
  quote(basket) {
    return this.#call("POST", "/v1/quote", basket, this.#quoteMsMax);
  }

  /** Complete a quoted sale that was paid in full; the recorded answer. Safe to repeat. */
  complete(saleId, basket, quote, { tenders, roundingMinor = 0 }) {
    return this.#write(`/v1/sales/${part(saleId)}/complete`, {
      ...basket,
      quote_id: quote.quote_id,
      tenders,
      total_taken_minor: quote.totals.due_minor + roundingMinor,
      rounding_minor: roundingMinor,
    });
  }

  /** Report a sale that was finished without an answer of the agent. */
  late(saleId, basket, { tenders, totalTakenMinor, quoteId = null }) {
    const report = { ...basket, tenders, total_taken_minor: totalTakenMinor };
    if (quoteId !== null) report.quote_id = quoteId;
    return this.#write(`/v1/sales/${part(saleId)}/late`, report);
  }

  /** Reverse a completed sale as a whole. */
  void(saleId) {
    return this.#write(`/v1/sales/${part(saleId)}/void`, {});
  }

  /** Park an open sale; `resume_data` of the answer takes it to another register. */
  suspend(saleId) {
    return this.#write(`/v1/sales/${part(saleId)}/suspend`, {});
  }

  /** Go on with a parked sale, of another register by its `resumeData`; its quote as of now. */
  resume(saleId, { resumeData = null } = {}) {
    return this.#write(`/v1/sales/${part(saleId)}/resume`, { resume_data: resumeData });
  }

  /** Stop a sale before completion. */
  cancel(saleId) {
    return this.#write(`/v1/sales/${part(saleId)}/cancel`, {});
  }

  /** Take lines of an earlier sale back: `original` names it, `lines` are id and quantity. */
  returnLines(returnId, { original = null, receiptData = null, lines }) {
    const request = { original, receipt_data: receiptData, lines };
    return this.#write(`/v1/returns/${part(returnId)}`, request);
  }

  /** Take goods back without a receipt: lines as in a basket, at what they cost now. */
  returnGoods(returnId, { goods, member = null }) {
    return this.#write(`/v1/returns/${part(returnId)}`, { goods, member });
  }

  /** A recorded sale as its receipt may carry it, for a return at another register. */
  receipt(saleId) {
    return this.#write(`/v1/sales/${part(saleId)}/receipt`, {});
  }

  /** A forgotten card: the points of a past sale, by its receipt's code or its id here. */
  claim(claimId, { member, receiptCode = null, original = null }) {
    const request = { member, receipt_code: receiptCode, original };
    return this.#write(`/v1/claims/${part(claimId)}`, request);
  }

  // -- recognising, and the rest

  /** What a code of the POS's own scanner is. */
  scan(code, { symbology = "", saleId = null } = {}) {
    return this.#call("POST", "/v1/scans", { code, symbology, sale_id: saleId }, this.#quoteMsMax);
  }

  /** The member behind `{card}` or `{phone}`. */
  lookUp({ card = null, phone = null }) {
    return this.#call("POST", "/v1/members/lookup", { card, phone }, this.#quoteMsMax);
  }

  /**
   * A new member, known from now on; `person`: phone, name, email, birthday, language, consents.
   * With `replaces` (`{card}` or `{member_id}`) a known member's new card.
   */
  enrol(enrolmentId, { card = null, saleId = null, replaces = null, person = {} } = {}) {
    const request = { enrolment_id: enrolmentId, card, sale_id: saleId, replaces, ...person };
    return this.#write("/v1/members", request);
  }

  /** Something that is no purchase. */
  event(eventId, { kind, member }) {
    return this.#write(`/v1/events/${part(eventId)}`, { kind, member });
  }

  /** How the agent is. */
  status() {
    return this.#call("GET", "/v1/status", null, WRITE_MS_MAX);
  }

  /**
   * Events after `lastId` (without it: new ones), until the agent ends the stream or `signal` does.
   * Call again with the last event's `id` to go on; what came meanwhile is given first.
   */
  async *events({ lastId = null, signal = null } = {}) {
    const headers = this.#headers();
    if (lastId !== null) headers["Last-Event-ID"] = String(lastId);
    const answer = await reached(fetch(`${this.#url}/v1/events`, { headers, signal }));
    if (!answer.ok) await read(answer);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    try {
      for (;;) {
        const { value, done } = await reached(reader.read());
        if (done) return;
        const lines = (text + value).split("\n");
        text = lines.pop();
        for (const line of lines) {
          if (line.startsWith("data: ")) yield JSON.parse(line.slice(6));
        }
      }
    } finally {
      await reader.cancel().catch(() => {}); // The stream may be the very thing that broke.
    }
  }

  async #write(path, body) {
    try {
      return await this.#call("POST", path, body, WRITE_MS_MAX);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      // Whether it was done is unknown; the id makes a repeat harmless.
      return await this.#call("POST", path, body, WRITE_MS_MAX);
    }
  }

  async #call(method, path, body, msMax) {
    const asked = { method, headers: this.#headers(), signal: AbortSignal.timeout(msMax) };
    if (body !== null) {
      asked.headers["Content-Type"] = "application/json";
      asked.body = JSON.stringify(body);
    }
    return await read(await reached(fetch(this.#url + path, asked)));
  }

  #headers() {
    return { Authorization: `Bearer ${this.#token}` };
  }
}

/**
 * Sales that were finished without an answer, kept in the browser until the agent has them.
 *
 * `add` when a completion got NoAnswer, `deliver` whenever there is time: after the next answered
 * sale, and when the page opens. A repeat changes nothing, the sale's id tells.
 */
export class LateSales {
  #storage;
  #key;

  constructor({ storage = globalThis.localStorage, key = "tessera-late-sales" } = {}) {
    this.#storage = storage;
    this.#key = key;
  }

  /** The reports that wait: `[{saleId, basket, tenders, totalTakenMinor, quoteId}, …]`. */
  waiting() {
    return JSON.parse(this.#storage.getItem(this.#key) ?? "[]");
  }

  /** Keep a sale until it is delivered. */
  add(saleId, basket, { tenders, totalTakenMinor, quoteId = null }) {
    this.#keep([...this.waiting(), { saleId, basket, tenders, totalTakenMinor, quoteId }]);
  }

  /**
   * Report what waits, oldest first; how many were delivered. Ends at the first NoAnswer. A report
   * that is refused is given to `onRefused(report, error)` and kept no longer.
   */
  async deliver(agent, { onRefused }) {
    let delivered = 0;
    for (const report of this.waiting()) {
      try {
        await agent.late(report.saleId, report.basket, report);
        delivered += 1;
      } catch (error) {
        if (error instanceof NoAnswer) return delivered;
        if (!(error instanceof Refused)) throw error;
        onRefused(report, error);
      }
      this.#keep(this.waiting().filter((kept) => kept.saleId !== report.saleId));
    }
    return delivered;
  }

  #keep(reports) {
    this.#storage.setItem(this.#key, JSON.stringify(reports));
  }
}

/** An id as a part of an address. */
function part(id) {
  return id.split("/").map(encodeURIComponent).join("/");
}

/** What fetch gives, or NoAnswer. */
async function reached(asked) {
  try {
    return await asked;
  } catch (error) {
    throw new NoAnswer(`the agent did not answer: ${error.message}`);
  }
}

async function read(answer) {
  let content;
  try {
    content = await answer.json();
  } catch (error) {
    throw new NoAnswer(`the agent's answer is not whole: ${error.message}`);
  }
  if (answer.status >= 500) {
    throw new NoAnswer(`the agent could not do it: ${content.detail ?? answer.status}`, content.hint);
  }
  if (!answer.ok) throw new Refused(answer.status, content);
  return content;
}
