// A transport carries plain messages between two ends, in order. Peers know nothing else about it.

export interface Transport {
  send(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  /** Called once when the other end is gone, with the reason where one is known. */
  onClose(listener: (reason: string) => void): void;
  close(): void;
}

/** Two connected in-process ends, for tests. Messages are structured-cloned and delivered asynchronously. */
export function transportPair(): [Transport, Transport] {
  const ends = [new LocalEnd(), new LocalEnd()] as const;
  ends[0].other = ends[1];
  ends[1].other = ends[0];
  return [...ends];
}

class LocalEnd implements Transport {
  other: LocalEnd | null = null;
  private messageListeners: ((message: unknown) => void)[] = [];
  private closeListeners: ((reason: string) => void)[] = [];

  send(message: unknown): void {
    const copy: unknown = structuredClone(message);
    const other = this.other;
    queueMicrotask(() => {
      for (const listener of other?.messageListeners ?? []) listener(copy);
    });
  }

  onMessage(listener: (message: unknown) => void): void {
    this.messageListeners.push(listener);
  }

  onClose(listener: (reason: string) => void): void {
    this.closeListeners.push(listener);
  }

  close(): void {
    const other = this.other;
    this.other = null;
    if (other === null) return;
    for (const listener of this.closeListeners) listener('closed');
    other.close();
  }
}
