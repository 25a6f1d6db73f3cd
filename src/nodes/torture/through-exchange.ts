import { Socket } from 'node:net'

/**
 * Loaded into a node before its own code (`node --import`): connections to other nodes of the torture go to its exchange, which is told
 * from whom and to whom. Nothing else of the node is touched.
 */
export interface Through {
  readonly exchange: number
  /** The port on which this node listens, which is what it is known by. */
  readonly self: number
  /** The ports of all nodes. */
  readonly ports: readonly number[]
}
export const variable = 'MUTTR_THROUGH_EXCHANGE'

const told = process.env[variable]
if (told !== undefined) redirect(JSON.parse(told) as Through)

function redirect({ exchange, self, ports }: Through): void {
  const isNode = new Set(ports)
  const { connect } = Socket.prototype
  Socket.prototype.connect = function (this: Socket, ...args: unknown[]) {
    // Node's own callers hand in [[options, callback]], with a mark on the inner array.
    const holder: unknown[] = Array.isArray(args[0]) ? args[0] : args
    const options = holder[0] as { port?: unknown } | undefined
    const to = Number(options?.port)
    if (!isNode.has(to)) return Reflect.apply(connect, this, args)
    holder[0] = { ...options, port: exchange }
    const connecting = Reflect.apply(connect, this, args) as Socket
    const greeting = Buffer.alloc(4)
    greeting.writeUInt16BE(self, 0)
    greeting.writeUInt16BE(to, 2)
    // Queued until the connection stands, before anything that the node writes.
    connecting.write(greeting)
    return connecting
  } as Socket['connect']
}
