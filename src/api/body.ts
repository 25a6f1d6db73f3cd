import { concatBytes } from '../base/bytes.ts'
import { type ErrorCode, MuttrError } from '../base/errors.ts'
import { malformed } from './schemas.ts'

interface BodyLimit {
  maxBytes: number
  /** What is thrown above the limit; the code with which the client would refuse as much. */
  code: ErrorCode
}

/** Reads a stream to its end, and never more than `maxBytes` and one chunk. */
export async function collect(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
  tooLarge: () => MuttrError
): Promise<Uint8Array> {
  const reader = body?.getReader()
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for (;;) {
    const next = await reader?.read()
    if (!next || next.done) return concatBytes(...chunks)
    sizeBytes += next.value.byteLength
    if (sizeBytes > maxBytes) throw tooLarge()
    chunks.push(next.value)
  }
}

/** Reads no byte of a body that says it is too large, and no more than the limit of one that does not say. */
export async function readBody(
  request: Request,
  { maxBytes, code }: BodyLimit
): Promise<Uint8Array> {
  const tooLarge = () => new MuttrError(code, `the request holds more than ${maxBytes} bytes`)
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) throw tooLarge()
  return collect(request.body, maxBytes, tooLarge)
}

/** @throws {MuttrError} `WIRE_MALFORMED` when the bytes are not JSON in UTF-8, or the limit's code. */
export async function readJson(request: Request, limit: BodyLimit): Promise<unknown> {
  return parseJson(await readBody(request, limit))
}

/** @throws {MuttrError} `WIRE_MALFORMED` */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw malformed('the body is not JSON', cause)
  }
}
