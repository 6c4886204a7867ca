"""Messages of our own, and a job on them, for the tests beside this file."""

JOB = """name: k
model: next-word
data: {source: sms.tsv, clients: 0, heldout: 0.2, test_share: 0.1}
client: {batch_size: 4, learning_rate: 0.215}
server: {rounds: 2, sample_rate: 1}
"""


def messages(*groups):
    rows = [(sender, text) for sender, text, count in groups for _ in range(count)]
    return "".join(f"{sender}\t{i}\t{text}\n" for i, (sender, text) in enumerate(rows))
