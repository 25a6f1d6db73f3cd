/** The events of an answer that is a stream of them, as they come. EventSource cannot carry a token, so it is read by hand. */
export async function* eventsIn<T>(answer: Response): AsyncGenerator<T> {
  const reader = answer.body?.pipeThrough(new TextDecoderStream() as never).getReader()
  if (!reader) return
  try {
    for (let rest = ''; ; ) {
      const { value, done } = (await reader.read()) as ReadableStreamReadResult<string>
      if (done) return
      const lines = (rest + value).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (line.startsWith('data: ')) yield JSON.parse(line.slice(6)) as T
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}
