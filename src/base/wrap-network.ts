import type { Network } from './ports.ts'

/** The same network, but for what `own` does instead. */
export const wrapNetwork = (network: Network, own: Partial<Network>): Network => ({
  self: network.self,
  contact: () => network.contact(),
  isServer: () => network.isServer(),
  request: (to, method, payload, options) => network.request(to, method, payload, options),
  serve: (method, handler) => network.serve(method, handler),
  open: (to, protocol, options) => network.open(to, protocol, options),
  accept: (protocol, take) => network.accept(protocol, take),
  dial: (address, options) => network.dial(address, options),
  connected: () => network.connected(),
  isConnected: peer => network.isConnected(peer),
  subnetOf: peer => network.subnetOf(peer),
  onPeer: listener => network.onPeer(listener),
  keepWarm: contacts => network.keepWarm(contacts),
  ...own
})
