/** Requests to the pod, and the one request it makes itself. */
export const podMethods = {
  hello: 'hello',
  challenge: 'challenge',
  identify: 'identify',
  register: 'register',
  release: 'release',
  revoke: 'revoke',
  dismiss: 'dismiss',
  succeed: 'succeed',
  succession: 'succession',
  move: 'move',
  moved: 'moved',
  lookup: 'lookup',
  submit: 'submit',
  report: 'report',
  listen: 'listen',
  playback: 'playback',
  acknowledge: 'acknowledge',
  ping: 'ping',
  /** Files that are fetched for a person: src/wire/ahead.ts. */
  ahead: 'ahead',
  aheadKeys: 'ahead-keys',
  aheadStatus: 'ahead-status',
  aheadTake: 'ahead-take',
  aheadDrop: 'ahead-drop',
  /** Addresses that a person made: src/wire/pod-addresses.ts. */
  addresses: 'addresses',
  addressPage: 'address-page',
  addressAsk: 'address-ask',
  /** Notices for other pods, and what pods ask of each other: src/wire/federation.ts. */
  queue: 'queue',
  queueStates: 'queue-states',
  queueDone: 'queue-done',
  queuePapers: 'queue-papers',
  /** Blobs along with pushes: src/wire/along.ts. */
  along: 'along',
  introduce: 'introduce',
  transfer: 'transfer',
  /** What is asked of a pod through another: src/wire/blind.ts. */
  blind: 'blind',
  blindOpen: 'blind-open',
  blindPapers: 'blind-papers',
  gossip: 'gossip',
  /** Ports seen from outside: src/wire/ports.ts. */
  tryPorts: 'try-ports',
  /** Blind-signed tokens: src/wire/token.ts. */
  tokenKeys: 'token-keys',
  tokens: 'tokens',
  /** Pod to client. */
  notices: 'notices',
  noticesAlong: 'notices-along',
  queueNews: 'queue-news',
  standing: 'standing',
  leaving: 'leaving'
} as const
