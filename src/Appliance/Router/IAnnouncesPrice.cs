using Jesus.Appliance.Pricing;

namespace Jesus.Appliance.Router;

/// <summary>An adapter whose server says itself what a call costs there: what holds where no line of the price table does.</summary>
public interface IAnnouncesPrice
{
    /// <summary>As last announced.</summary>
    Price Price { get; }
}
