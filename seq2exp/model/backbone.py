"""The bidirectional Mamba backbone: pre-norm residual layers whose two directions share both projections.

Letters: B batch, L length, D model width, E = expand * D inner width, N state size, R rank of delta.
models.md section 2 is the specification; parameter names follow the official ones with the tied tensors kept once.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seq2exp.errors import SettingsError
from seq2exp.model.scan import EngineName, causal_conv_silu, resolve_engine, selective_scan

if TYPE_CHECKING:
    from seq2exp.model.scan import stream

_DT_MIN, _DT_MAX, _DT_FLOOR = 0.001, 0.1, 1e-4
"""Range of the step size Delta at initialisation, and its floor (models.md section 2.1)."""


class RMSNorm(nn.Module):
    """x / sqrt(mean(x^2) + eps) * weight over the last axis, computed in float32 or wider."""

    def __init__(self, width: int, *, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Same shape and dtype as ``x``."""
        wide = x if x.dtype == torch.float64 else x.float()
        scale = torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)
        return (wide * scale * self.weight).to(x.dtype)


class Direction(nn.Module):
    """What one direction owns alone: convolution, input-dependent projections and state matrix.

    Parameters
    ----------
    inner
        E.
    d_state
        N.
    d_conv
        Taps of the convolution.
    dt_rank
        R.
    """

    def __init__(self, inner: int, *, d_state: int, d_conv: int, dt_rank: int) -> None:
        super().__init__()
        self.d_state, self.dt_rank = d_state, dt_rank
        self.conv1d = nn.Conv1d(inner, inner, d_conv, groups=inner)
        self.x_proj = nn.Linear(inner, dt_rank + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(dt_rank, inner)
        self.A_log = nn.Parameter(torch.log(torch.arange(1, d_state + 1, dtype=torch.float32)).repeat(inner, 1))
        self.D = nn.Parameter(torch.ones(inner))
        nn.init.uniform_(self.dt_proj.weight, -(dt_rank**-0.5), dt_rank**-0.5)
        low, high = math.log(_DT_MIN), math.log(_DT_MAX)
        step = torch.exp(torch.rand(inner) * (high - low) + low).clamp(min=_DT_FLOOR)
        with torch.no_grad():  # inverse softplus: softplus(bias) is then spread over _DT_MIN.._DT_MAX
            self.dt_proj.bias.copy_(step + torch.log(-torch.expm1(-step)))

    @property
    def conv_bias(self) -> Tensor:
        """(E,) bias of the convolution, which always has one."""
        return self.conv1d.get_parameter("bias")

    def forward(self, x: Tensor, z: Tensor, *, reverse: bool, engine: EngineName) -> Tensor:
        """Gated scan of ``x`` with gate ``z``, all (B, L, E); what out_proj is applied to."""
        x = causal_conv_silu(x, self.conv1d.weight.squeeze(1), self.conv_bias, reverse=reverse, engine=engine)
        projected = self.x_proj(x)  # (B, L, R + 2 N)
        dt, b, c = projected.split([self.dt_rank, self.d_state, self.d_state], dim=-1)
        delta = F.linear(dt, self.dt_proj.weight)  # (B, L, E)
        return selective_scan(
            x, delta, -torch.exp(self.A_log), b, c, self.D, z, self.dt_proj.bias, reverse=reverse, engine=engine
        )


class BidirectionalMixer(nn.Module):
    """M_fwd(u) + flip(M_rev(flip(u))) with in_proj and out_proj shared, each applied once.

    Parameters
    ----------
    d_model
        D.
    d_state, d_conv, expand
        N, taps, E / D.
    """

    def __init__(self, d_model: int, *, d_state: int, d_conv: int, expand: int) -> None:
        super().__init__()
        self.inner = expand * d_model
        self.in_proj = nn.Linear(d_model, 2 * self.inner, bias=False)
        dt_rank = math.ceil(d_model / 16)
        self.fwd = Direction(self.inner, d_state=d_state, d_conv=d_conv, dt_rank=dt_rank)
        self.rev = Direction(self.inner, d_state=d_state, d_conv=d_conv, dt_rank=dt_rank)
        self.out_proj = nn.Linear(self.inner, d_model, bias=False)

    def forward(self, u: Tensor, *, rows: slice | None = None, engine: EngineName = "auto") -> Tensor:
        """(B, L, D) -> (B, L, D), or (B, n_rows, D) for the positions of ``rows`` alone.

        The forward scan ends with ``rows`` and the reverse scan ends at their start; gate and out_proj see no
        position beside them.
        """
        length = u.shape[1]
        start, stop = (0, length) if rows is None else (rows.start, rows.stop)
        if rows is None:
            x, z = self.in_proj(u).chunk(2, dim=-1)  # (B, L, E) each
            total = self.fwd(x, z, reverse=False, engine=engine) + self.rev(x, z, reverse=True, engine=engine)
        else:
            weight_x, weight_z = self.in_proj.weight.chunk(2)
            x = F.linear(u, weight_x)  # (B, L, E)
            z = F.linear(u[:, start:stop], weight_z)  # (B, n_rows, E)
            forward = self.fwd(x[:, :stop], F.pad(z, (0, 0, start, 0)), reverse=False, engine=engine)
            backward = self.rev(x[:, start:], F.pad(z, (0, 0, 0, length - stop)), reverse=True, engine=engine)
            total = forward[:, start:] + backward[:, : stop - start]
        out: Tensor = self.out_proj(total)
        return out


class Layer(nn.Module):
    """Norm and mixer of one residual step."""

    def __init__(self, d_model: int, *, d_state: int, d_conv: int, expand: int, norm_eps: float) -> None:
        super().__init__()
        self.norm = RMSNorm(d_model, eps=norm_eps)
        self.mixer = BidirectionalMixer(d_model, d_state=d_state, d_conv=d_conv, expand=expand)

    def forward(self, residual: Tensor, *, rows: slice | None, gate: Tensor | None, engine: EngineName) -> Tensor:
        """Sum of residual and mixer(norm(residual) * gate); with ``rows``, those positions alone."""
        kept = residual if rows is None else residual[:, rows]
        normed = self.norm(residual)
        mixed: Tensor = self.mixer(normed if gate is None else normed * gate, rows=rows, engine=engine)
        return kept + mixed


class Backbone(nn.Module):
    """Residual stack of bidirectional Mamba layers with a final RMSNorm.

    Parameters
    ----------
    d_model
        D, width of the embeddings.
    n_layer
        Number of layers.
    d_state
        N, state size of each channel.
    d_conv
        Taps of the causal convolution.
    expand
        E / D.
    norm_eps
        Epsilon of every RMSNorm.
    init_residual_layers
        out_proj is divided by the square root of this at initialisation; 64 in the published runs whatever the
        depth (models.md section 2.5).
    """

    def __init__(
        self,
        *,
        d_model: int,
        n_layer: int,
        d_state: int = 16,
        d_conv: int = 4,
        expand: int = 2,
        norm_eps: float = 1e-5,
        init_residual_layers: int = 64,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            Layer(d_model, d_state=d_state, d_conv=d_conv, expand=expand, norm_eps=norm_eps) for _ in range(n_layer)
        )
        self.norm_f = RMSNorm(d_model, eps=norm_eps)
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if name.endswith("out_proj.weight"):
                    parameter.div_(math.sqrt(init_residual_layers))

    def forward(
        self,
        embeddings: Tensor,
        *,
        rows: slice | None = None,
        gate: Tensor | None = None,
        engine: EngineName = "auto",
    ) -> Tensor:
        """Normalised residual stream after the last layer.

        Parameters
        ----------
        embeddings
            (B, L, D), L >= 1; not changed.
        rows
            Contiguous positions ``slice(start, stop)`` wanted; None: all. The last layer then computes no more
            than they need.
        gate
            (B, L) factor on what each position gives every layer's mixer; None: 1.
        engine
            See `seq2exp.model.scan.resolve_engine`.

        Returns
        -------
        Tensor
            (B, L, D), or (B, stop - start, D).

        Raises
        ------
        SettingsError
            ``rows`` is empty, strided or not inside the sequence.
        """
        rows = _checked_rows(rows, embeddings.shape[1])
        if gate is None and resolve_engine(engine, embeddings) == "cpu" and not self._needs_gradient(embeddings):
            return self._streamed(embeddings, rows or slice(0, embeddings.shape[1]))
        residual, factor = embeddings, None if gate is None else gate[..., None]
        for index, layer in enumerate(self.layers):
            last = index == len(self.layers) - 1
            residual = layer(residual, rows=rows if last else None, gate=factor, engine=engine)
        out: Tensor = self.norm_f(residual)
        return out

    def _needs_gradient(self, embeddings: Tensor) -> bool:
        """Whether autograd would record this forward pass."""
        return torch.is_grad_enabled() and (
            embeddings.requires_grad or any(parameter.requires_grad for parameter in self.parameters())
        )

    def _streamed(self, embeddings: Tensor, rows: slice) -> Tensor:
        """Forward without gradients on the CPU engine, chunk by chunk (`seq2exp.model.scan.stream`)."""
        from seq2exp.model.scan import stream

        with torch.no_grad():
            layers = [_packed(layer) for layer in self.layers if isinstance(layer, Layer)]
            out = stream.run_backbone(embeddings, layers, self.norm_f.weight, self.norm_f.eps, rows)
        return out.to(embeddings.dtype)


def _packed(layer: Layer) -> stream.LayerWeights:
    """The weights of ``layer`` as the CPU kernels read them."""
    from seq2exp.model.scan import packing, stream

    mixer = layer.mixer

    def direction(own: Direction) -> stream.DirectionWeights:
        return stream.DirectionWeights.pack(
            conv=own.conv1d.weight.squeeze(1),
            conv_bias=own.conv_bias,
            x_proj=own.x_proj.weight,
            dt=own.dt_proj.weight,
            dt_bias=own.dt_proj.bias,
            a=-torch.exp(own.A_log),
            d=own.D,
        )

    weight_x, weight_z = mixer.in_proj.weight.chunk(2)
    return stream.LayerWeights(
        norm=packing.flat(layer.norm.weight),
        eps=layer.norm.eps,
        inner=mixer.inner,
        in_x=packing.Matrix.pack(weight_x),
        in_z=packing.Matrix.pack(weight_z),
        out=packing.Matrix.pack(mixer.out_proj.weight),
        forward=direction(mixer.fwd),
        reverse=direction(mixer.rev),
    )


def _checked_rows(rows: slice | None, length: int) -> slice | None:
    """``rows`` with both ends given, or None where they are all positions."""
    if rows is None:
        return None
    start = 0 if rows.start is None else int(rows.start)
    stop = length if rows.stop is None else int(rows.stop)
    if rows.step not in (None, 1) or not 0 <= start < stop <= length:
        raise SettingsError(f"rows {start}:{stop} (step {rows.step}) are not a stretch of {length} positions")
    return None if (start, stop) == (0, length) else slice(start, stop)
