/** What would this machine get, and why? The answer to a hypothetical request, by the code that answers real ones. */
import type { Catalog } from '../boot/catalog.ts';
import type { ClientKind } from '../boot/client.ts';
import type { Decision } from '../boot/decide.ts';
import type { Lease } from '../boot/lease.ts';
import type { ServedNetwork } from '../boot/served.ts';
import { ANY_ADDRESS, type Ipv4 } from '../net/ipv4.ts';
import { type Mac, macToBytes } from '../net/mac.ts';
import { CLIENT_PORT, chooseDestination, PROXY_PORT, SERVER_PORT, type SendTarget } from './destination.ts';
import type { Outcome } from './exchange.ts';
import type { AddressBook, Holder } from './lease.ts';
import { type LeasequeryOutcome, respondToLeasequery } from './leasequery.ts';
import { encodeOption, messageTypeOf } from './options.ts';
import { BOOTREQUEST, decode, type Packet } from './packet.ts';
import { encodeReply } from './reply.ts';
import { respond } from './respond.ts';
import type { RouterWait } from './router-wait.ts';
import type { StrategyBook } from './strategy.ts';
import { describePacket } from './summary.ts';
import { hexFromBytes } from './text.ts';

/** A machine as an operator describes it. */
export interface ExplainQuestion {
  readonly mac: Mac;
  /** Which program asks; default `pxe`. */
  readonly kind?: ClientKind;
  /** Option 93; default none. */
  readonly archCodes?: readonly number[];
  /** Option 60; default what `kind` and the architecture say. */
  readonly vendorClass?: string;
  /** Option 77; default `iPXE` for iPXE. */
  readonly userClass?: string;
  readonly uuid?: string;
  /** A relay between the machine and us. */
  readonly giaddr?: Ipv4;
  /** Asks port 4011, as UEFI does behind a proxy. */
  readonly bootService?: boolean;
  /** The line of the firmware's menu it chose: asks port 4011 for it. */
  readonly item?: number;
}

export interface Explanation {
  readonly outcome: Outcome | LeasequeryOutcome;
  readonly reason: string;
  /** What the machine is meant to run, with every rule that was asked. */
  readonly decision?: Decision;
  readonly request: readonly string[];
  /** Absent when the machine gets no answer. */
  readonly reply?: {
    readonly packet: Packet;
    /** The packet in words. */
    readonly lines: readonly string[];
    /** The UDP payload. */
    readonly hex: string;
    readonly target: SendTarget;
    readonly dropped: readonly number[];
    readonly notes: readonly string[];
    /** Of an iPXE: whether its wait for an IPv6 router is ended. */
    readonly routerWait?: RouterWait;
  };
}

export interface ExplainState {
  readonly served: ServedNetwork;
  /** Looked at, never changed. */
  readonly book: AddressBook;
  readonly catalog: Catalog;
  readonly now: number;
  /** Why the network answers nobody now. */
  readonly hold?: string;
  readonly strategies?: Pick<StrategyBook, 'choose'>;
}

/** iPXE's request list; firmware asks for these and more. */
const ASKED = [1, 3, 6, 7, 12, 15, 17, 26, 42, 43, 60, 66, 67, 119, 150, 175];
const XID = 0x1dea1dea;

export function explain(question: ExplainQuestion, state: ExplainState): Explanation {
  const bootService = question.bootService ?? question.item !== undefined;
  return explainPacket(hypotheticalRequest({ ...question, bootService }, state.served), state, bootService);
}

/** The same for a request that was captured. */
export function explainPacket(request: Packet, state: ExplainState, bootService = false): Explanation {
  const localPort = bootService ? PROXY_PORT : SERVER_PORT;
  const outcome = outcomeOf(request, state, localPort);
  const decision = 'decision' in outcome ? outcome.decision : undefined;
  const explanation = {
    outcome,
    reason: outcome.reason,
    request: describe(encodeReply(request, request).bytes),
    ...(decision && { decision }),
  };
  if (outcome.kind !== 'reply') return explanation;
  const { bytes, dropped } = encodeReply(request, outcome.packet);
  const from = request.ciaddr === ANY_ADDRESS ? request.giaddr : request.ciaddr;
  const source = { address: from, port: request.giaddr === ANY_ADDRESS ? CLIENT_PORT : SERVER_PORT };
  const target = chooseDestination(request, outcome.packet, source, localPort);
  const { packet } = outcome;
  const notes = 'notes' in outcome ? outcome.notes : [];
  const routerWait = 'routerWait' in outcome ? outcome.routerWait : undefined;
  return {
    ...explanation,
    reply: {
      ...{ packet, lines: describe(bytes), hex: hexFromBytes(bytes), target, dropped, notes },
      ...(routerWait && { routerWait }),
    },
  };
}

function outcomeOf(request: Packet, state: ExplainState, localPort: number): Explanation['outcome'] {
  const { strategies, ...rest } = state;
  if (messageTypeOf(request) === 'LEASEQUERY') {
    return respondToLeasequery(request, [state], state.served.address, state.now);
  }
  return respond({
    ...rest,
    request,
    localPort,
    ingressKnown: true,
    book: previewOf(state.book),
    ...(strategies && { strategies: { choose: strategies.choose, offered() {} } }),
  });
}

/** The request such a machine sends: a DISCOVER, or a REQUEST to port 4011. */
function hypotheticalRequest(question: ExplainQuestion, served: ServedNetwork): Packet {
  const { mac, kind = 'pxe', archCodes = [], uuid, bootService = false } = question;
  const chaddr = new Uint8Array(16);
  chaddr.set(macToBytes(mac));
  const options = new Map([
    [53, encodeOption(53, bootService ? 'REQUEST' : 'DISCOVER')],
    [55, encodeOption(55, ASKED)],
    [57, encodeOption(57, 1472)],
  ]);
  const vendorClass = question.vendorClass ?? vendorClassOf(kind, archCodes);
  const userClass = question.userClass ?? (kind === 'ipxe' ? 'iPXE' : undefined);
  if (vendorClass !== undefined) options.set(60, encodeOption(60, vendorClass));
  if (userClass !== undefined) options.set(77, encodeOption(77, userClass));
  if (archCodes.length > 0) options.set(93, encodeOption(93, archCodes));
  if (question.item !== undefined)
    options.set(43, encodeOption(43, { 'boot-item': { type: question.item, layer: 0 } }));
  if (uuid !== undefined) options.set(97, encodeOption(97, uuid));
  return {
    op: BOOTREQUEST,
    htype: 1,
    hlen: 6,
    hops: question.giaddr ? 1 : 0,
    xid: XID,
    secs: 0,
    flags: 0,
    // On port 4011 the machine has its address already; any of the network's will do.
    ciaddr: bootService ? served.address : ANY_ADDRESS,
    yiaddr: ANY_ADDRESS,
    siaddr: ANY_ADDRESS,
    giaddr: question.giaddr ?? ANY_ADDRESS,
    chaddr,
    sname: '',
    file: '',
    options,
  };
}

function vendorClassOf(kind: ClientKind, [arch = 0]: readonly number[]): string | undefined {
  if (kind === 'other') return undefined;
  return `${kind === 'http' ? 'HTTPClient' : 'PXEClient'}:Arch:${String(arch).padStart(5, '0')}:UNDI:003016`;
}

function describe(bytes: Uint8Array): readonly string[] {
  return describePacket(decode(bytes)).split('\n');
}

/** A book that answers as the real one does and writes nothing down. */
function previewOf(book: AddressBook): AddressBook {
  const held = (who: Holder, address: Ipv4): Lease | undefined => {
    const lease = book.recorded(who);
    return lease?.address === address ? lease : undefined;
  };
  return {
    ...book,
    setPlan() {},
    withdraw() {},
    offer: book.choose,
    bind({ mac }, address, seconds, now) {
      return [{ network: '', address, mac, state: 'bound', startsAt: now, expiresAt: now + seconds * 1000 }];
    },
    setAside: (address, by, now) => ({
      network: '',
      address,
      mac: by,
      state: 'declined',
      startsAt: now,
      expiresAt: now,
    }),
    release: held,
    decline: held,
  };
}
